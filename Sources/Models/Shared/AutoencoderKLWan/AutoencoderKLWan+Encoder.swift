internal import Layers
internal import Tensors

extension AutoencoderKLWan {
    /// Pixels to moments, one frame at a time: levels of residual blocks, each but the last halving the size and some of
    /// them the frames.
    struct Encoder {
        /// What the encoder keeps of the frames so far.
        struct State {
            fileprivate var convolutionIn, convolutionOut: FrameHistory
            fileprivate var middle: Middle.State
            fileprivate var levels: [DownLevel.State]
        }

        private let convolutionIn, convolutionOut: CausalConvolution3D
        private let levels: [DownLevel]
        private let middle: Middle
        private let normOut: ChannelNorm

        init(_ weights: Weights, _ config: AutoencoderKLWanConfig) throws {
            let channels = config.encoderChannels
            let last = channels[channels.count - 1]
            convolutionIn = try CausalConvolution3D(weights["conv_in"], from: config.inChannels, to: channels[0])
            levels = try config.dimMult.indices.map { try DownLevel(weights["down_blocks"], $0, config) }
            middle = try Middle(weights["mid_block"], channels: last)
            normOut = try ChannelNorm(weights["norm_out"], channels: last)
            convolutionOut = try CausalConvolution3D(weights["conv_out"], from: last, to: 2 * config.zDim)
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
        ///   - pixels: a frame, `[batch, 1, height, width, inChannels]`
        ///   - state: of the frames before it
        /// - Returns: moments `[batch, 1, height / 2ⁿ, width / 2ⁿ, 2 · zDim]`, or nil if more frames are needed for them
        func callAsFunction(_ pixels: Tensor, _ state: inout State) throws(TensorError) -> Tensor? {
            var x = try convolutionIn(pixels, &state.convolutionIn)
            for index in levels.indices {
                guard let smaller = try levels[index](x, &state.levels[index]) else { return nil }
                x = smaller
            }
            x = try middle(x, &state.middle)
            return try convolutionOut(normOut.activated(x), &state.convolutionOut)
        }
    }

    /// Residual blocks of one size, and the step to the next size.
    struct DownLevel {
        /// What the level keeps of the frames so far.
        struct State {
            fileprivate var blocks: [ResidualBlock.State]
            /// The frame before the pair that is halved next, at the next level's size.
            fileprivate var previous: Tensor?
            /// The first of that pair, at the next level's size, and the level's input for it.
            fileprivate var waiting: (Tensor, input: Tensor)?
        }

        private let blocks: [ResidualBlock]
        private let convolution: Convolution2D?
        private let halving: CausalConvolution3D?
        private let shortcut: Averaging?

        /// - Parameters:
        ///   - weights: the view of all levels
        ///   - index: which level
        ///   - config: the component's
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ index: Int, _ config: AutoencoderKLWanConfig) throws {
            let (before, after) = (config.encoderChannels[index], config.encoderChannels[index + 1])
            let isLast = index == config.dimMult.count - 1
            let halvesFrames = !isLast && config.temperalDownsample[index]
            // Residual levels are a part each; the others have their parts in one list of all levels.
            let first = index * (config.numResBlocks + 1)
            let step = config.isResidual ? weights[index]["downsampler"] : weights[first + config.numResBlocks]
            blocks = try (0..<config.numResBlocks).map {
                try ResidualBlock(
                    config.isResidual ? weights[index]["resnets"][$0] : weights[first + $0],
                    from: $0 == 0 ? before : after, to: after)
            }
            convolution =
                isLast ? nil : try Convolution2D(step["resample"][1], from: after, to: after, kernel: 3, stride: 2)
            halving =
                halvesFrames
                ? try CausalConvolution3D(step["time_conv"], from: after, to: after, frames: 3, size: 1) : nil
            shortcut =
                config.isResidual
                ? Averaging(to: after, frames: halvesFrames ? 2 : 1, size: isLast ? 1 : 2) : nil
        }

        func start(isOfImage: Bool) -> State {
            State(blocks: blocks.map { _ in ResidualBlock.State(isOfImage: isOfImage) })
        }

        /// - Parameters:
        ///   - input: a frame, `[batch, 1, height, width, channels]`
        ///   - state: of the frames before it
        /// - Returns: the frame at the next level's size, or nil if it waits for the next one
        func callAsFunction(_ input: Tensor, _ state: inout State) throws(TensorError) -> Tensor? {
            var x = input
            for index in blocks.indices { x = try blocks[index](x, &state.blocks[index]) }
            if let convolution { x = try convolution(x.asImage().padded(0, 1, 0, 1)).asFrame() }
            guard let halving else { return try added(x, [input]) }
            // The very first frame stays alone.
            guard let previous = state.previous else {
                state.previous = x
                return try added(x, [input])
            }
            guard let waiting = state.waiting else {
                state.waiting = (x, shortcut == nil ? x : input)
                return nil
            }
            (state.previous, state.waiting) = (x, nil)
            return try added(halving([previous, waiting.0, x]), [waiting.input, input])
        }

        private func added(_ x: Tensor, _ inputs: [Tensor]) throws(TensorError) -> Tensor {
            guard let shortcut else { return x }
            return try x + shortcut(inputs)
        }
    }
}
