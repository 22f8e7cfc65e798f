internal import Layers
internal import Tensors

extension AutoencoderKLWan {
    /// Latents to pixels, one latent frame at a time: levels of residual blocks, each but the last doubling the size and
    /// some of them the frames.
    ///
    /// A frame climbs all levels before the next one of its level is enlarged, so that large frames are never many.
    struct Decoder {
        /// What the decoder keeps of the frames so far: for each causal convolution its last two inputs.
        struct State {
            fileprivate var convolutionIn, convolutionOut: FrameHistory
            fileprivate var middle: Middle.State
            fileprivate var levels: [UpLevel.State]
        }

        private let convolutionIn, convolutionOut: CausalConvolution3D
        private let middle: Middle
        private let levels: [UpLevel]
        private let normOut: ChannelNorm
        private let stages: [DecodingStage]
        private let context: ComputeContext

        init(_ weights: Weights, _ config: AutoencoderKLWanConfig) throws {
            (stages, context) = (config.decodingStages, weights.context)
            let channels = config.decoderChannels
            convolutionIn = try CausalConvolution3D(weights["conv_in"], from: config.zDim, to: channels[0])
            middle = try Middle(weights["mid_block"], channels: channels[0])
            levels = try config.dimMult.indices.map { index in
                try UpLevel(weights["up_blocks"][index], index, config)
            }
            let last = channels[channels.count - 1]
            normOut = try ChannelNorm(weights["norm_out"], channels: last)
            convolutionOut = try CausalConvolution3D(weights["conv_out"], from: last, to: config.outChannels)
        }

        /// The state before the first frame.
        ///
        /// - Parameter isOfImage: whether no second frame comes: then nothing is kept
        func start(isOfImage: Bool) -> State {
            let history = FrameHistory(isOfImage: isOfImage)
            return State(
                convolutionIn: history, convolutionOut: history, middle: Middle.State(isOfImage: isOfImage),
                levels: levels.map { $0.start(isOfImage: isOfImage) })
        }

        /// - Parameters:
        ///   - latent: a frame, `[batch, 1, height, width, zDim]`
        ///   - state: of the frames before it
        ///   - emit: takes each frame of pixels in order, `[batch, 1, height · 2ⁿ, width · 2ⁿ, outChannels]`, or of several
        ///     ranks this one's strip with a halo
        /// - Throws: ``TensorError``, or what `emit` throws
        func callAsFunction(_ latent: Tensor, _ state: inout State, _ emit: (Tensor) throws -> Void) throws {
            let strip = try context.narrowed(latent, to: stages[0])
            let x = try middle(convolutionIn(strip, &state.convolutionIn), &state.middle)
            try climb(context.narrowed(x, to: stages[1]), from: 0, &state, emit)
        }

        private func climb(
            _ x: Tensor, from level: Int, _ state: inout State, _ emit: (Tensor) throws -> Void
        ) throws {
            guard level < levels.count else {
                return try emit(convolutionOut(normOut.activated(x), &state.convolutionOut))
            }
            func narrowed(_ x: Tensor) throws(TensorError) -> Tensor {
                level + 2 < stages.count ? try context.narrowed(x, to: stages[level + 2].beforeDoubling) : x
            }
            let frames = try levels[level].frames(
                of: narrowed(levels[level].blocks(x, &state.levels[level])), &state.levels[level])
            let input = try levels[level].shortcut == nil ? x : narrowed(x)
            for index in frames.indices {
                try climb(levels[level].enlarged(frames, index, of: input), from: level + 1, &state, emit)
            }
        }
    }

    /// Residual blocks of one size, and the step to the next size.
    struct UpLevel {
        /// What the level keeps of the frames so far.
        struct State {
            fileprivate var blocks: [ResidualBlock.State]
            fileprivate var frames: FrameHistory
            fileprivate var isAtFirstFrame = true
        }

        private let residualBlocks: [ResidualBlock]
        private let doubling: CausalConvolution3D?
        private let convolution: Convolution2D?
        /// Adds what the level had to what it gives; nil where nothing is added.
        let shortcut: Duplication?

        init(_ weights: Weights, _ index: Int, _ config: AutoencoderKLWanConfig) throws {
            let (before, after) = (config.decoderChannels[index], config.decoderChannels[index + 1])
            let entering = index > 0 && !config.isResidual ? before / 2 : before
            residualBlocks = try (0...config.numResBlocks).map {
                try ResidualBlock(weights["resnets"][$0], from: $0 == 0 ? entering : after, to: after)
            }
            guard index < config.dimMult.count - 1 else {
                (doubling, convolution, shortcut) = (nil, nil, nil)
                return
            }
            let doublesFrames = config.temperalDownsample.reversed()[index]
            let step = config.isResidual ? weights["upsampler"] : weights["upsamplers"][0]
            doubling =
                doublesFrames
                ? try CausalConvolution3D(step["time_conv"], from: after, to: 2 * after, frames: 3, size: 1) : nil
            convolution = try Convolution2D(
                step["resample"][1], from: after, to: config.isResidual ? after : after / 2, kernel: 3, padding: 1)
            shortcut =
                config.isResidual ? Duplication(from: before, to: after, frames: doublesFrames ? 2 : 1) : nil
        }

        func start(isOfImage: Bool) -> State {
            State(
                blocks: residualBlocks.map { _ in ResidualBlock.State(isOfImage: isOfImage) },
                frames: FrameHistory(isOfImage: isOfImage))
        }

        /// - Parameters:
        ///   - x: a frame, `[batch, 1, height, width, channels]`
        ///   - state: of the frames before it
        /// - Returns: a frame of the same size
        func blocks(_ x: Tensor, _ state: inout State) throws(TensorError) -> Tensor {
            var x = x
            for index in residualBlocks.indices { x = try residualBlocks[index](x, &state.blocks[index]) }
            return x
        }

        /// The frames of this level's size that a frame becomes.
        ///
        /// - Parameters:
        ///   - x: what the blocks made of it
        ///   - state: of the frames before it
        /// - Returns: one frame or two
        func frames(of x: Tensor, _ state: inout State) throws(TensorError) -> [Tensor] {
            guard let doubling else { return [x] }
            // The very first frame stays alone, and the convolution never sees it.
            if state.isAtFirstFrame {
                state.isAtFirstFrame = false
                return [x]
            }
            return try doubling(x, &state.frames).chunks(2)
        }

        /// A frame at the next level's size.
        ///
        /// - Parameters:
        ///   - frames: what the level made of `x`
        ///   - index: which one of them
        ///   - x: the level's input
        /// - Returns: `[batch, 1, height · 2, width · 2, channels]`; the frame itself on the last level
        func enlarged(_ frames: [Tensor], _ index: Int, of x: Tensor) throws(TensorError) -> Tensor {
            guard let convolution else { return frames[index] }
            let large = try convolution.doubled(frames[index].asImage()).asFrame()
            guard let shortcut else { return large }
            return try large + shortcut(x, frame: shortcut.frames - frames.count + index)
        }
    }
}

extension Tensor {
    /// A frame `[batch, 1, height, width, channels]` as a view `[batch, channels, height, width]`.
    func asImage() throws(TensorError) -> Tensor { try squeezed(1).permuted(0, 3, 1, 2) }

    /// An image `[batch, channels, height, width]` as a frame `[batch, 1, height, width, channels]`, without gaps.
    func asFrame() throws(TensorError) -> Tensor { try permuted(0, 2, 3, 1).contiguous().unsqueezed(1) }
}
