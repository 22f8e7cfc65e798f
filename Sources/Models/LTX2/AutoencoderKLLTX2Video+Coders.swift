internal import Layers
internal import Tensors

extension AutoencoderKLLTX2Video {
    /// Patches to moments: levels of residual blocks, each making what follows smaller.
    struct Encoder {
        private let convolutionIn, convolutionOut: Convolution3D
        private let levels: [(blocks: [ResidualBlock], step: Downsampler)]
        private let middle: [ResidualBlock]
        private let normOut: ChannelNorm
        private let isCausal: Bool

        init(_ weights: Weights, _ config: AutoencoderKLLTX2VideoConfig) throws {
            let view = View(
                edges: config.encoderSpatialPaddingMode, isCausal: config.encoderCausal, epsilon: config.resnetNormEps)
            let (channels, layers) = (config.encoderChannels, config.layersPerBlock)
            let last = channels[channels.count - 1]
            convolutionIn = try Convolution3D(
                weights["conv_in"]["conv"], from: config.inChannels * config.patchSize * config.patchSize,
                to: channels[0], edges: view.edges)
            levels = try config.downsampleType.enumerated().map { index, scaling in
                let level = weights["down_blocks"][index]
                return (
                    try (0..<layers[index]).map {
                        try ResidualBlock(level["resnets"][$0], from: channels[index], to: channels[index], view)
                    },
                    try Downsampler(
                        level["downsamplers"][0], from: channels[index], to: channels[index + 1], scaling, view)
                )
            }
            middle = try (0..<layers[layers.count - 1]).map {
                try ResidualBlock(weights["mid_block"]["resnets"][$0], from: last, to: last, view)
            }
            normOut = try ChannelNorm(weights, channels: last)
            // The variance is one for all channels.
            convolutionOut = try Convolution3D(
                weights["conv_out"]["conv"], from: last, to: config.latentChannels + 1, edges: view.edges)
            isCausal = view.isCausal
        }

        /// - Returns: the encoder before the first frame, `[batch, 1, height / patch, width / patch, channels · patch²]`
        func chain() throws(TensorError) -> FrameChain {
            var streams: [any FrameStream] = [ConvolutionStream(convolutionIn, isCausal: isCausal)]
            for level in levels {
                for block in level.blocks { streams.append(try block.stream()) }
                streams.append(level.step.stream())
            }
            for block in middle { streams.append(try block.stream()) }
            streams.append(ConvolutionStream(convolutionOut, after: normOut, isCausal: isCausal))
            return FrameChain(streams)
        }
    }

    /// What a timestep becomes before it reaches the blocks of a level.
    struct TimestepLayer {
        private static let sinusoids = 256
        private let embedding: TimestepEmbedding
        private let dtype: DType

        init(_ weights: Weights, to width: Int) throws {
            embedding = try TimestepEmbedding(
                weights["time_embedder"]["timestep_embedder"], from: Self.sinusoids, to: width)
            dtype = weights.plan.dtype
        }

        /// - Parameters:
        ///   - timesteps: one for each video
        ///   - device: where the result goes
        /// - Returns: `[batch, width]`
        func callAsFunction(_ timesteps: [Float], on device: Device) throws(TensorError) -> Tensor {
            try embedding(timestepSinusoids(timesteps, width: Self.sinusoids, on: device).to(dtype))
        }
    }

    /// Latents to patches: levels of residual blocks, each behind a step that makes what comes in larger.
    struct Decoder {
        /// A level's parts; ``entry`` is there where widths change without ``step``.
        private struct Level {
            let entry: ResidualBlock?
            let timestep: TimestepLayer?
            let step: Upsampler?
            let blocks: [ResidualBlock]
        }

        private let convolutionIn, convolutionOut: Convolution3D
        private let levels: [Level]
        private let normOut: ChannelNorm
        /// What the timestep does to the last norm, and what it is multiplied by first.
        private let lastTimestep: (layer: TimestepLayer, table: Tensor, factor: Float)?
        private let isCausal: Bool
        private let device: Device
        private let stages: [DecodingStage]
        private let context: ComputeContext

        init(_ weights: Weights, _ config: AutoencoderKLLTX2VideoConfig) throws {
            (stages, context) = (config.decodingStages, weights.context)
            let view = View(
                edges: config.decoderSpatialPaddingMode, isCausal: config.decoderCausal, epsilon: config.resnetNormEps)
            let knows = config.timestepConditioning
            func blocks(_ weights: Weights, _ count: Int, _ channels: Int) throws -> [ResidualBlock] {
                try (0..<count).map {
                    try ResidualBlock(weights["resnets"][$0], from: channels, to: channels, view, knowsTimestep: knows)
                }
            }
            func timestep(_ weights: Weights, _ width: Int) throws -> TimestepLayer? {
                knows ? try TimestepLayer(weights, to: width) : nil
            }
            let upLevels = config.upLevels
            let (first, last) = (upLevels[0].before, upLevels[upLevels.count - 1].after)
            convolutionIn = try Convolution3D(
                weights["conv_in"]["conv"], from: config.latentChannels, to: first, edges: view.edges)
            let middle = weights["mid_block"]
            let count = config.decoderLayersPerBlock[config.decoderLayersPerBlock.count - 1]
            var levels = [
                Level(
                    entry: nil, timestep: try timestep(middle, 4 * first), step: nil,
                    blocks: try blocks(middle, count, first))
            ]
            for (index, level) in upLevels.enumerated() {
                let part = weights["up_blocks"][index]
                levels.append(
                    Level(
                        entry: level.hasEntry
                            ? try ResidualBlock(part["conv_in"], from: level.before, to: level.after, view) : nil,
                        timestep: try timestep(part, 4 * level.after),
                        step: try Upsampler(part["upsamplers"][0], level, view),
                        blocks: try blocks(part, level.layers, level.after)))
            }
            self.levels = levels
            normOut = try ChannelNorm(weights, channels: last)
            convolutionOut = try Convolution3D(
                weights["conv_out"]["conv"], from: last, to: config.outChannels * config.patchSize * config.patchSize,
                edges: view.edges)
            lastTimestep =
                knows
                ? (
                    try TimestepLayer(weights, to: 2 * last), try weights.tensor("scale_shift_table", 2, last),
                    try weights.tensor("timestep_scale_multiplier").floats()[0]
                ) : nil
            (isCausal, device) = (view.isCausal, weights.plan.device)
        }

        /// - Parameter timesteps: one for each video, if the decoder knows them
        /// - Returns: the decoder before the first frame, `[batch, 1, height, width, latentChannels]`
        func chain(_ timesteps: [Float]) throws(TensorError) -> FrameChain {
            let timesteps = timesteps.map { $0 * (lastTimestep?.factor ?? 1) }
            var streams: [any FrameStream] = []
            func narrow(_ stage: DecodingStage) { streams.append(NarrowingStream(stage: stage, context: context)) }
            narrow(stages[0])
            streams.append(ConvolutionStream(convolutionIn, isCausal: isCausal))
            for (index, level) in levels.enumerated() {
                narrow(stages[index + 1])
                let embedding = try level.timestep?(timesteps, on: device)
                if let entry = level.entry { streams.append(try entry.stream()) }
                if let step = level.step { streams.append(step.stream()) }
                for (place, block) in level.blocks.enumerated() {
                    narrow(stages[index + 2].before(convolutions: 2 * (level.blocks.count - place)))
                    streams.append(try block.stream(embedding))
                }
            }
            narrow(stages[levels.count + 1])
            var modulation: Modulation?
            if let (layer, table, _) = lastTimestep {
                modulation = try Modulation.all(layer(timesteps, on: device), table).first
            }
            streams.append(ConvolutionStream(convolutionOut, after: normOut, modulation, isCausal: isCausal))
            return FrameChain(streams)
        }
    }
}
