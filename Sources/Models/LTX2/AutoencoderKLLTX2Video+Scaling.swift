internal import Layers
internal import Tensors

extension AutoencoderKLLTX2Video {
    typealias Scaling = AutoencoderKLLTX2VideoConfig.Scaling

    /// Frames and positions that become channels, after a convolution and beside their means.
    struct Downsampler {
        private let convolution: Convolution3D
        private let scaling: Scaling
        private let shortcut: AutoencoderKLWan.Averaging
        private let isCausal: Bool

        init(_ weights: Weights, from: Int, to: Int, _ scaling: Scaling, _ view: View) throws {
            convolution = try Convolution3D(
                weights["conv"]["conv"], from: from, to: to / scaling.count, edges: view.edges)
            shortcut = AutoencoderKLWan.Averaging(to: to, frames: scaling.frames, size: scaling.size)
            (self.scaling, isCausal) = (scaling, view.isCausal)
        }

        /// - Returns: the step before the first frame
        func stream() -> Stream { Stream(step: self) }

        /// The step at work: where frames become fewer, the first counts twice.
        struct Stream: FrameStream {
            private let step: Downsampler
            private var window: FrameWindow
            /// What makes the next frame: the step's inputs, and what the convolution made of them.
            private var inputs: [Tensor] = []
            private var convolved: [Tensor] = []
            private var isAtFirstFrame = true

            fileprivate init(step: Downsampler) {
                self.step = step
                window = FrameWindow(isCausal: step.isCausal)
            }

            mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor] {
                let times = isAtFirstFrame ? step.scaling.frames : 1
                isAtFirstFrame = false
                var frames: [Tensor] = []
                for _ in 0..<times {
                    inputs.append(frame)
                    frames += try add(window.take(frame, step.convolution))
                }
                return frames
            }

            mutating func end() throws(TensorError) -> [Tensor] { try add(window.end(step.convolution)) }

            private mutating func add(_ frame: Tensor?) throws(TensorError) -> [Tensor] {
                guard let frame else { return [] }
                convolved.append(frame)
                let count = step.scaling.frames
                guard convolved.count == count else { return [] }
                let small = try step.gathered(convolved) + step.shortcut(Array(inputs[..<count]))
                convolved = []
                inputs.removeFirst(count)
                return [small]
            }
        }

        /// Frames `[batch, 1, height, width, channels]` as one `[batch, 1, height / size, width / size, channels · count]`.
        private func gathered(_ frames: [Tensor]) throws(TensorError) -> Tensor {
            let x = frames.count == 1 ? frames[0] : try concatenate(frames, axis: 1)
            let (batch, height, width, size) = (
                x.size(0), x.size(2) / scaling.size, x.size(3) / scaling.size, scaling.size
            )
            return try x.reshaped(batch, scaling.frames, height, size, width, size, x.size(4))
                .permuted(0, 2, 4, 6, 1, 3, 5)
                .reshaped(batch, 1, height, width, -1)
        }
    }

    /// Channels that become frames and positions, after a convolution and, in 2.0, beside those of the input itself.
    struct Upsampler {
        private let convolution: Convolution3D
        private let scaling: Scaling
        /// How often the input's own channels stand beside the convolution's; nil for not at all.
        private let repeats: Int?
        private let isCausal: Bool

        init(_ weights: Weights, _ level: AutoencoderKLLTX2VideoConfig.UpLevel, _ view: View) throws {
            scaling = level.scaling
            let from = level.after * level.factor
            convolution = try Convolution3D(
                weights["conv"]["conv"], from: from, to: level.after * scaling.count, edges: view.edges)
            repeats = level.isResidual ? scaling.count / level.factor : nil
            isCausal = view.isCausal
        }

        /// - Returns: the step before the first frame
        func stream() -> Stream { Stream(step: self) }

        /// The step at work: where frames become more, the first of all is left out.
        struct Stream: FrameStream {
            private let step: Upsampler
            private var window: FrameWindow
            /// The step's inputs whose results are still to come, where they are needed.
            private var inputs: [Tensor] = []
            private var isAtFirstFrame = true

            fileprivate init(step: Upsampler) {
                self.step = step
                window = FrameWindow(isCausal: step.isCausal)
            }

            mutating func take(_ frame: Tensor) throws(TensorError) -> [Tensor] {
                if step.repeats != nil { inputs.append(frame) }
                return try enlarged(window.take(frame, step.convolution))
            }

            mutating func end() throws(TensorError) -> [Tensor] { try enlarged(window.end(step.convolution)) }

            private mutating func enlarged(_ frame: Tensor?) throws(TensorError) -> [Tensor] {
                guard let frame else { return [] }
                var large = try step.spread(frame)
                if let repeats = step.repeats {
                    let own = try step.spread(inputs.removeFirst())
                    large = try large + concatenate(Array(repeating: own, count: repeats), axis: -1)
                }
                defer { isAtFirstFrame = false }
                let first = isAtFirstFrame ? step.scaling.frames - 1 : 0
                return try (first..<step.scaling.frames)
                    .map { index throws(TensorError) in try large.slice(index..<index + 1, axis: 1).contiguous() }
            }
        }

        /// A frame `[batch, 1, height, width, channels · count]` as `[batch, frames, height · size, width · size, channels]`.
        private func spread(_ x: Tensor) throws(TensorError) -> Tensor {
            let (batch, height, width, size) = (x.size(0), x.size(2), x.size(3), scaling.size)
            return try x.reshaped(batch, height, width, x.size(4) / scaling.count, scaling.frames, size, size)
                .permuted(0, 4, 1, 5, 2, 6, 3)
                .reshaped(batch, scaling.frames, height * size, width * size, -1)
        }
    }
}
