internal import Layers
internal import Parallel
package import Tensors

/// What requests of every family hold in memory besides weights, in bytes.
package struct RequestMemory {
    /// How many images or videos come out; at least one.
    package let outputs: MemorySize
    /// The longest text, in tokens.
    package let textTokens: Int
    /// The type that the model computes in.
    package let dtype: DType
    /// Whether images are decoded between steps.
    package let hasPreviews: Bool
    private let stepCache: StepCacheSettings?
    private let layout: ParallelLayout
    private let device: Device
    private let capturesBlocks: Bool

    /// - Parameters:
    ///   - request: a resolved request
    ///   - options: how the model is opened
    package init(_ request: GenerationRequest, _ options: PipelineOptions) {
        outputs = MemorySize(max(request.outputCount, 1))
        (textTokens, hasPreviews) = (request.maxSequenceLength ?? 0, request.previews > 0)
        (dtype, stepCache) = (options.plan.dtype, options.stepCache)
        (layout, device) = (options.plan.parallel, options.plan.device)
        capturesBlocks = options.plan.capturesBlocks
    }

    /// Whether several ranks share the tokens.
    package var sharesTokens: Bool { layout.sequence > 1 }

    /// The numbers that a step holds at once, of the ranks that share its tokens on one.
    ///
    /// - Parameters:
    ///   - tokens: of one output, in all streams
    ///   - numbers: how many there are at once for each token
    ///   - width: of the streams
    /// - Returns: how many
    package func streams(tokens: MemorySize, numbers: Int, width: Int) -> MemorySize {
        guard layout.sequence > 1 else { return outputs * tokens * numbers }
        // What is sent and received: query, key, value and result, packed and in order; and the stream before it is cut.
        let exchanged = 12 * MemorySize(width)
        return outputs * (tokens / layout.sequence + 1) * (exchanged + numbers) + outputs * tokens * width
    }

    /// The states of prompts and negative prompts, which outlive their stage, and their copies for every output.
    ///
    /// - Parameter width: of a token's state
    /// - Returns: bytes
    package func prompts(width: Int) -> MemorySize { 4 * outputs * textTokens * width * dtype.size }

    /// What a step cache keeps from step to step.
    ///
    /// - Parameters:
    ///   - tokens: of one output, in all streams
    ///   - width: of the streams
    ///   - branches: of guidance, at most
    /// - Returns: bytes; none without a step cache
    package func stepCache(tokens: MemorySize, width: Int, branches: Int = 2) -> MemorySize {
        outputs * (stepCache?.heldStreams(branches: branches) ?? 0) * tokens * width * DType.float32.size
    }

    /// What becomes of decoded frames: those that come in, as pixels and for the encoder, and of a video its encoder with the frames
    /// that it looks ahead at.
    ///
    /// - Parameter size: of an output
    /// - Returns: bytes, of all outputs
    package func encoding(_ size: OutputSize) -> MemorySize {
        let frame = 3 * MemorySize(size.height) * size.width * DType.float32.size
        return outputs * (8 * frame + (device == .cpu && (size.frames ?? 1) > 1 ? Self.encoder : 0))
    }

    /// Measured, of 64² and of 256² pixels: 7 and 17 MB of x264, 26 and 37 MB of libvpx.
    private static let encoder = 40_000_000

    /// The steps of a transformer.
    ///
    /// - Parameters:
    ///   - transformer: its name
    ///   - vae: the autoencoder's name, and what decoding a preview holds
    ///   - activations: what a step holds besides
    /// - Returns: the stage
    package func denoising(
        _ transformer: String, previewsBy vae: (name: String, bytes: MemorySize), activations: MemorySize
    ) -> MemoryStage {
        // A graph has memory of its own for what the blocks compute with.
        let graphs = capturesBlocks ? activations : 0
        if !hasPreviews { return MemoryStage([transformer], activations: activations, graphs: graphs) }
        return MemoryStage([transformer, vae.name], activations: activations + vae.bytes, graphs: graphs)
    }
}
