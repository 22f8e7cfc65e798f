internal import Layers
internal import Tensors

extension Wan {
    /// What timesteps, prompt and image become before the blocks see them.
    struct ConditionEmbedding {
        private let time: TimestepEmbedding
        private let timeProjection: Linear
        private let text: TimestepEmbedding
        private let image: ImageEmbedding?
        private let frequencies: Int
        private let device: Device

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            device = weights.plan.device
            frequencies = config.freqDim
            // In 32-bit floats whatever the model's type: a timestep rounded to 16 bits moves the image visibly.
            time = try TimestepEmbedding(
                weights["time_embedder"].computing(in: .float32), from: config.freqDim, to: width)
            timeProjection = try Linear(widening: weights["time_proj"], from: width, to: 6 * width)
            text = try TimestepEmbedding(weights["text_embedder"], from: config.textDim, to: width, .geluTanh)
            image = try config.imageDim.map { try ImageEmbedding(weights["image_embedder"], from: $0, config) }
        }

        /// - Parameter values: one for each group of tokens
        /// - Returns: the embedded timesteps, `[1, groups, width]`, and how they shift, scale and gate the blocks,
        ///   `[1, groups, 6, width]`, both in 32-bit floats
        func timesteps(_ values: [Float]) throws(TensorError) -> (embedded: Tensor, modulation: Tensor) {
            let embedded = try time(timestepSinusoids(values, width: frequencies, on: device))
            let modulation = try timeProjection(silu(embedded))
            return (try embedded.unsqueezed(0), try modulation.reshaped(1, values.count, 6, -1))
        }

        /// `[batch, textTokens, textDim]` and `[…, imageTokens, imageDim]` at the width of the blocks.
        func context(prompt: Tensor, imageEmbeds: Tensor?) throws(TensorError) -> Context {
            var context = Context(text: try text(prompt))
            if let image, let imageEmbeds { context.image = try image(imageEmbeds) }
            return context
        }
    }

    /// What the blocks attend to besides the video.
    struct Context {
        /// The prompt's tokens, `[batch, textTokens, width]`.
        var text: Tensor
        /// The image's tokens, `[batch, imageTokens, width]`.
        var image: Tensor?
        /// What the blocks attend to, one for each, where it is kept from step to step.
        var sources: [CrossAttention.Sources]?

        /// Other tensors in place of all of these.
        func mapped(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) -> Context {
            var context = self
            context.text = try map(text)
            if let image { context.image = try map(image) }
            context.sources = try sources?.map { block throws(TensorError) in
                try block.map { source throws(TensorError) in (try map(source.keys), try map(source.values)) }
            }
            return context
        }
    }

    /// Norm, linear, GELU, linear, norm; before them the positions of two images' tokens in a row.
    private struct ImageEmbedding {
        private let positions: Tensor?
        private let normIn, normOut: WideLayerNorm
        private let feedForward: FeedForward

        init(_ weights: Weights, from: Int, _ config: TransformerConfig) throws {
            positions = try config.posEmbedSeqLen.map { try weights.tensor("pos_embed", 1, $0, from) }
            normIn = try WideLayerNorm(weights["norm1"], size: from, epsilon: 1e-5)
            feedForward = try FeedForward(weights["ff"], from: from, inner: from, to: config.width, .gelu)
            normOut = try WideLayerNorm(weights["norm2"], size: config.width, epsilon: 1e-5)
        }

        func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
            var x = x
            // The two images of a video may come as two items of a batch.
            if let positions { x = try x.reshaped(-1, positions.size(1), positions.size(2)) + positions }
            return try normOut(feedForward(LinearInput(normIn(x))))
        }
    }
}
