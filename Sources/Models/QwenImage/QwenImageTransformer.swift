package import Diffusion
package import Layers
package import Tensors

extension QwenImage {
    /// Qwen-Image's denoiser: blocks that hold text and image apart and join them in one attention.
    // Source: diffusers 0.42.1, models/transformers/transformer_qwenimage.py.
    package struct Transformer: CacheableTransformer {
        /// What enters a denoising step.
        package struct Input {
            /// The packed latents, `[batch, tokens, inChannels]`.
            package var latents: Tensor
            /// The text encoder's states, `[batch, textTokens, jointAttentionDim]`.
            package var prompt: Tensor { didSet { embedded = nil } }
            /// What is added to the scores of the text's tokens, `[batch, 1, 1, textTokens]`: minus infinity hides padding;
            /// nil if there is none.
            package var textMask: Tensor?
            /// From 0 to 1, the same for the whole batch.
            package var timestep: Float
            /// The tables for text and image, in this order.
            package var rotary: RotaryEmbedding
            /// The prompt at the width of the blocks, where that is done already.
            fileprivate var embedded: Tensor?

            package init(
                latents: Tensor, prompt: Tensor, textMask: Tensor?, timestep: Float, rotary: RotaryEmbedding
            ) {
                (self.latents, self.prompt, self.textMask) = (latents, prompt, textMask)
                (self.timestep, self.rotary) = (timestep, rotary)
            }
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        private let imageIn, textIn: Linear
        private let textNorm: RMSNorm
        private let timestepEmbedding: TimestepEmbedding
        private let blocks: BlockStore<Block>
        private let normOut: ModulatedNorm
        private let projectionOut: Linear
        private let plan: ComputePlan

        /// Numbers that a timestep becomes before its embedding.
        private static let sinusoidWidth = 256

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            self.config = config
            plan = weights.plan
            imageIn = try Linear(weights["img_in"], from: config.inChannels, to: width)
            textNorm = try RMSNorm(weights["txt_norm"], size: config.jointAttentionDim, epsilon: 1e-6)
            textIn = try Linear(weights["txt_in"], from: config.jointAttentionDim, to: width)
            timestepEmbedding = try TimestepEmbedding(
                weights["time_text_embed"]["timestep_embedder"], from: Self.sinusoidWidth, to: width)
            blocks = try BlockStore(config.numLayers) { try Block(weights["transformer_blocks"][$0], config) }
            normOut = try ModulatedNorm(weights["norm_out"], width: width, epsilon: 1e-6)
            projectionOut = try Linear(weights["proj_out"], from: width, to: config.predictedChannels)
        }

        package var blockCount: Int { blocks.count }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            input.embedded = try embedded(input)
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let sinusoids = try timestepSinusoids(
                [input.timestep], width: Self.sinusoidWidth, scale: 1000, on: plan.device)
            let conditioning = try silu(timestepEmbedding(sinusoids.to(plan.dtype)))
            return State(
                streams: JointStreams(
                    text: try embedded(input), image: try imageIn(input.latents), input.rotary),
                conditioning: try conditioning.repeated(input.latents.size(0), axis: 0), textMask: input.textMask)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            guard case .double(let text, let image) = state.streams.tokens else { return }
            let (nextText, nextImage) = try blocks[index](
                text: text, image: image, conditioning: state.conditioning, rotary: state.streams.rotary,
                mask: state.mask())
            state.streams.tokens = .double(text: nextText, image: nextImage)
        }

        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            [try projectionOut(normOut(state.streams.image(), conditioning: state.conditioning))]
        }

        /// The image's tokens as the first block's attention takes them; both of TeaCache's ways are one.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor {
            let image = try state.streams.image()
            guard blocks.count > 0 else { return try image.to(.float32) }
            return try blocks[0].attentionInput(image: image, conditioning: state.conditioning).to(.float32)
        }

        private func embedded(_ input: Input) throws(TensorError) -> Tensor {
            if let embedded = input.embedded { return embedded }
            return try textIn(textNorm(input.prompt))
        }
    }
}
