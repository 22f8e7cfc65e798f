package import Diffusion
package import Layers
package import Tensors

extension Flux1 {
    /// FLUX.1's denoiser: blocks that hold text and image apart, then blocks over both in one sequence.
    // Source: diffusers 0.42.1, models/transformers/transformer_flux.py.
    package struct Transformer: CacheableTransformer {
        /// What enters a denoising step.
        package struct Input {
            /// The packed latents, `[batch, tokens, inChannels]`.
            package var latents: Tensor
            /// The second text encoder's states, `[batch, textTokens, jointAttentionDim]`.
            package var prompt: Tensor { didSet { embedded = nil } }
            /// The first text encoder's pooled state, `[batch, pooledProjectionDim]`.
            package var pooledPrompt: Tensor { didSet { embedded = nil } }
            /// From 0 to 1000, the same for the whole batch.
            package var timestep: Float
            /// The embedded guidance, for models that have it.
            package var guidance: Float?
            /// The tables for text and image tokens, in this order.
            package var rotary: RotaryEmbedding
            /// What the timesteps bring to the blocks, for all steps of a request; nil makes it in each step.
            package var modulations: Modulations?
            /// Both prompts at the width of the blocks, where that is done already.
            fileprivate var embedded: (prompt: Tensor, pooled: Tensor)?

            package init(
                latents: Tensor, prompt: Tensor, pooledPrompt: Tensor, timestep: Float, guidance: Float?,
                rotary: RotaryEmbedding, modulations: Modulations? = nil
            ) {
                (self.latents, self.prompt, self.pooledPrompt) = (latents, prompt, pooledPrompt)
                (self.timestep, self.guidance, self.rotary) = (timestep, guidance, rotary)
                self.modulations = modulations
            }
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        package let captures = CapturedBlocks<State>()
        private let imageIn, textIn: Linear
        private let timestepEmbedding, pooledEmbedding: TimestepEmbedding
        private let guidanceEmbedding: TimestepEmbedding?
        private let doubleBlocks: BlockStore<DoubleBlock>
        private let singleBlocks: BlockStore<SingleBlock>
        private let normOut: ModulatedNorm
        private let projectionOut: Linear
        private let plan: ComputePlan

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            let embeddings = weights["time_text_embed"]
            self.config = config
            plan = weights.plan
            // As TensorRT-LLM does: of fewer numbers than a block has, quantising saves nothing.
            let isNarrow = config.inChannels < 128
            imageIn = try Linear(weights["x_embedder"], from: config.inChannels, to: width, keepsBits: isNarrow)
            textIn = try Linear(weights["context_embedder"], from: config.jointAttentionDim, to: width)
            timestepEmbedding = try TimestepEmbedding(
                embeddings["timestep_embedder"], from: sinusoidWidth, to: width)
            guidanceEmbedding =
                config.guidanceEmbeds
                ? try TimestepEmbedding(embeddings["guidance_embedder"], from: sinusoidWidth, to: width) : nil
            pooledEmbedding = try TimestepEmbedding(
                embeddings["text_embedder"], from: config.pooledProjectionDim, to: width)
            doubleBlocks = try BlockStore(config.numLayers, of: weights) {
                try DoubleBlock(weights["transformer_blocks"][$0], config)
            }
            singleBlocks = try BlockStore(config.numSingleLayers, of: weights) {
                try SingleBlock(weights["single_transformer_blocks"][$0], config)
            }
            normOut = try ModulatedNorm(weights["norm_out"], width: width, epsilon: 1e-6)
            projectionOut = try Linear(weights["proj_out"], from: width, to: config.outChannels ?? config.inChannels)
        }

        package var blockCount: Int { doubleBlocks.count + singleBlocks.count }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            input.embedded = try embedded(input)
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let (text, pooled) = try embedded(input)
            let modulations = input.modulations ?? Modulations(of: [], atOnce: 1)
            let (rows, step) = try modulations.rows(input.timestep) { timesteps throws(TensorError) in
                try table(timesteps, input.guidance, pooled)
            }
            let (conditioning, blocks) = try rows.step(step, batch: pooled.size(0))
            return State(
                streams: JointStreams(text: text, image: try imageIn(input.latents), input.rotary),
                conditioning: conditioning, modulations: blocks)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            let streams = state.streams
            let modulation = try config.modulation(ofBlock: index, state.modulations)
            if index < doubleBlocks.count, case .double(let text, let image) = streams.tokens {
                let (nextText, nextImage) = try doubleBlocks[index](
                    text: text, image: image, modulation, rotary: streams.rotary)
                state.streams.tokens = .double(text: nextText, image: nextImage)
            } else {
                let isLast = index == blockCount - 1
                let tokens = try singleBlocks[index - doubleBlocks.count](
                    streams.joined(), isLast ? .image : .all, textTokens: streams.textTokens, modulation,
                    rotary: streams.rotary)
                state.streams.tokens = isLast ? .image(tokens) : .single(tokens)
            }
        }

        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            [try projectionOut(normOut(state.streams.image(), conditioning: state.conditioning))]
        }

        /// The image's tokens as the first block's attention takes them; both of TeaCache's ways are one.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor {
            let image = try state.streams.image()
            guard doubleBlocks.count > 0 else { return try image.to(.float32) }
            return try doubleBlocks[0].attentionInput(
                image: image, config.modulation(ofBlock: 0, state.modulations)
            ).to(.float32)
        }

        private func embedded(_ input: Input) throws(TensorError) -> (prompt: Tensor, pooled: Tensor) {
            if let embedded = input.embedded { return embedded }
            return (try textIn(input.prompt), try pooledEmbedding(input.pooledPrompt))
        }

        /// Rows for some timesteps, each of them for the whole batch.
        private func table(_ timesteps: [Float], _ guidance: Float?, _ pooled: Tensor) throws(TensorError)
            -> ModulationTable
        {
            var sum = try embedded(timesteps, by: timestepEmbedding)
            if let guidanceEmbedding, let guidance {
                sum = try sum + embedded([guidance * 1000], by: guidanceEmbedding)
            }
            let conditioning = try silu(sum + pooled).reshaped(timesteps.count * pooled.size(0), 1, config.width)
            var parts: [Tensor] = []
            for index in 0..<doubleBlocks.count { parts += try doubleBlocks[index].modulations(conditioning) }
            for index in 0..<singleBlocks.count { parts.append(try singleBlocks[index].modulation(conditioning)) }
            return ModulationTable(conditioning: conditioning, blocks: try concatenate(parts, axis: 2))
        }

        /// `[values, 1, width]`: each by itself, whatever the others are.
        private func embedded(_ values: [Float], by embedding: TimestepEmbedding) throws(TensorError) -> Tensor {
            let sinusoids = try timestepSinusoids(values, width: sinusoidWidth, on: plan.device)
            return try embedding(sinusoids.unsqueezed(1).to(plan.dtype))
        }
    }
}

/// Numbers that a timestep becomes before its embedding.
private let sinusoidWidth = 256
