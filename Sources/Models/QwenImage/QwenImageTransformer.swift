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
            /// Those of reference images, one after the other, `[batch, tokens, inChannels]`; nil for none.
            package var references: Tensor? { didSet { embedded = nil } }
            /// The text encoder's states, `[batch, textTokens, jointAttentionDim]`.
            package var prompt: Tensor { didSet { embedded = nil } }
            /// What is added to the scores of the text's tokens, `[batch, 1, 1, textTokens]`: minus infinity hides padding;
            /// nil if there is none.
            package var textMask: Tensor?
            /// From 0 to 1, the same for the whole batch.
            package var timestep: Float
            /// The tables for text, image and references, in this order.
            package var rotary: RotaryEmbedding
            /// What the timesteps bring to the blocks, for all steps and branches of a request; nil makes it in each step.
            package var modulations: Modulations?
            /// Prompt and references at the width of the blocks, where that is done already.
            fileprivate var embedded: (prompt: Tensor, references: Tensor?)?

            package init(
                latents: Tensor, references: Tensor? = nil, prompt: Tensor, textMask: Tensor?, timestep: Float,
                rotary: RotaryEmbedding, modulations: Modulations? = nil
            ) {
                (self.latents, self.references, self.prompt, self.textMask) = (latents, references, prompt, textMask)
                (self.timestep, self.rotary, self.modulations) = (timestep, rotary, modulations)
            }
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        package let captures = CapturedBlocks<State>()
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
            blocks = try BlockStore(config.numLayers, of: weights) {
                try Block(weights["transformer_blocks"][$0], config)
            }
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
            let (text, references) = try embedded(input)
            var image = try imageIn(input.latents)
            let (batch, predicted) = (image.size(0), image.size(1))
            if let references { image = try concatenate([image, references], axis: 1) }
            var kinds: Tensor?
            if config.zeroCondT, image.size(1) > predicted {
                let rows = (0..<image.size(1)).map { Int32($0 < predicted ? 0 : 1) }
                kinds = try Tensor(rows, shape: [rows.count], on: plan.device)
            }
            let modulations = input.modulations ?? Modulations(of: [], atOnce: 1)
            let (rows, row) = try modulations.rows(input.timestep, make: table)
            let (conditioning, blocks) = try rows.step(row, batch: batch, hasKinds: kinds != nil)
            return State(
                streams: JointStreams(text: text, image: image, input.rotary), conditioning: conditioning,
                modulations: blocks, textMask: input.textMask, kinds: kinds, predicted: predicted)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            guard case .double(let text, let image) = state.streams.tokens else { return }
            let (nextText, nextImage) = try blocks[index](
                text: text, image: image, state.modulations[index], kinds: state.kinds, rotary: state.streams.rotary,
                mask: state.mask())
            state.streams.tokens = .double(text: nextText, image: nextImage)
        }

        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            let image = try state.streams.image().slice(0..<state.predicted, axis: 1).contiguous()
            return [try projectionOut(normOut(image, conditioning: state.conditioning))]
        }

        /// The image's tokens as the first block's attention takes them; both of TeaCache's ways are one.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor {
            let image = try state.streams.image()
            guard blocks.count > 0 else { return try image.to(.float32) }
            return try blocks[0].attentionInput(image: image, state.modulations[0], kinds: state.kinds).to(.float32)
        }

        private func embedded(_ input: Input) throws(TensorError) -> (prompt: Tensor, references: Tensor?) {
            if let embedded = input.embedded { return embedded }
            return (
                try textIn(textNorm(input.prompt)),
                try input.references.map { references throws(TensorError) in try imageIn(references) }
            )
        }

        /// Rows for some timesteps, and for time 0 where reference images may have it.
        private func table(_ timesteps: [Float]) throws(TensorError) -> ModulationTable {
            let conditioning = try conditioning(timesteps + (config.zeroCondT ? [0] : []))
            var made: [BlockModulation] = []
            for index in 0..<blocks.count { made.append(try blocks[index].modulation(conditioning)) }
            return ModulationTable(conditioning: conditioning, blocks: made)
        }

        /// SiLU of embedded timesteps, `[timesteps, 1, width]`: each by itself, whatever the others are.
        private func conditioning(_ timesteps: [Float]) throws(TensorError) -> Tensor {
            let sinusoids = try timestepSinusoids(
                timesteps, width: Self.sinusoidWidth, scale: 1000, on: plan.device)
            return try silu(timestepEmbedding(sinusoids.unsqueezed(1).to(plan.dtype)))
        }
    }
}
