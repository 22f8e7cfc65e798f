package import Diffusion
package import Layers
package import Tensors

extension Flux2 {
    /// FLUX.2's denoiser: as FLUX.1's, but all blocks of a kind share one modulation, and no layer has a bias.
    // Source: diffusers 0.42.1, models/transformers/transformer_flux2.py.
    package struct Transformer: CacheableTransformer {
        /// What enters a denoising step.
        package struct Input {
            /// The latents, `[batch, tokens, inChannels]`.
            package var latents: Tensor
            /// Those of reference images, one after the other, `[batch, referenceTokens, inChannels]`; nil for none.
            package var references: Tensor? { didSet { embedded = nil } }
            /// The text encoder's states, `[batch, textTokens, jointAttentionDim]`.
            package var prompt: Tensor { didSet { embedded = nil } }
            /// From 0 to 1000, the same for the whole batch.
            package var timestep: Float
            /// The embedded guidance, for models that have it.
            package var guidance: Float?
            /// The tables for text, latents and references, in this order.
            package var rotary: RotaryEmbedding
            /// Prompt and references at the width of the blocks, where that is done already.
            fileprivate var embedded: (prompt: Tensor, references: Tensor?)?

            package init(
                latents: Tensor, references: Tensor? = nil, prompt: Tensor, timestep: Float, guidance: Float?,
                rotary: RotaryEmbedding
            ) {
                (self.latents, self.references, self.prompt) = (latents, references, prompt)
                (self.timestep, self.guidance, self.rotary) = (timestep, guidance, rotary)
            }
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        package let captures = CapturedBlocks<State>()
        private let imageIn, textIn: Linear
        private let timestepEmbedding: TimestepEmbedding
        private let guidanceEmbedding: TimestepEmbedding?
        private let textModulation, imageModulation, singleModulation: Linear
        private let doubleBlocks: BlockStore<JointBlock>
        private let singleBlocks: BlockStore<SingleBlock>
        private let normOut: ModulatedNorm
        private let projectionOut: Linear
        private let plan: ComputePlan

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            let width = config.width
            self.config = config
            plan = weights.plan
            func plain(_ name: String, from: Int, to: Int) throws -> Linear {
                try Linear(weights[name], from: from, to: to, bias: false)
            }
            func embedding(_ name: String) throws -> TimestepEmbedding {
                try TimestepEmbedding(
                    weights["time_guidance_embed"][name], from: config.timestepGuidanceChannels, to: width, bias: false)
            }
            func modulation(_ name: String, parts: Int) throws -> Linear {
                try Linear(weights[name]["linear"], from: width, to: 3 * parts * width, bias: false)
            }
            imageIn = try plain("x_embedder", from: config.inChannels, to: width)
            textIn = try plain("context_embedder", from: config.jointAttentionDim, to: width)
            timestepEmbedding = try embedding("timestep_embedder")
            guidanceEmbedding = config.guidanceEmbeds ? try embedding("guidance_embedder") : nil
            textModulation = try modulation("double_stream_modulation_txt", parts: 2)
            imageModulation = try modulation("double_stream_modulation_img", parts: 2)
            singleModulation = try modulation("single_stream_modulation", parts: 1)
            doubleBlocks = try BlockStore(config.numLayers, of: weights) {
                try JointBlock(flux2: weights["transformer_blocks"][$0], config)
            }
            singleBlocks = try BlockStore(config.numSingleLayers, of: weights) {
                try SingleBlock(weights["single_transformer_blocks"][$0], config)
            }
            normOut = try ModulatedNorm(weights["norm_out"], width: width, epsilon: config.eps, bias: false)
            projectionOut = try plain("proj_out", from: width, to: config.outChannels ?? config.inChannels)
        }

        package var blockCount: Int { doubleBlocks.count + singleBlocks.count }

        /// Each kind of block decides for itself, the single ones by all tokens, as the package cache-dit has it.
        package var cachedLists: [CachedList] {
            [
                CachedList(0..<doubleBlocks.count), CachedList(doubleBlocks.count..<blockCount, signal: .all),
            ].filter { !$0.blocks.isEmpty }
        }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            input.embedded = try embedded(input)
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let (text, references) = try embedded(input)
            var image = try imageIn(input.latents)
            if let references { image = try concatenate([image, references], axis: 1) }
            let conditioning = try silu(conditioning(input))
            // The batch has one timestep, so its products are made once.
            func all(_ modulation: Tensor) throws(TensorError) -> Tensor {
                try modulation.repeated(image.size(0), axis: 0)
            }
            return State(
                streams: JointStreams(text: text, image: image, input.rotary), conditioning: try all(conditioning),
                textModulation: try all(textModulation(conditioning)),
                imageModulation: try all(imageModulation(conditioning)),
                singleModulation: try all(singleModulation(conditioning)), predicted: input.latents.size(1))
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            let streams = state.streams
            if index < doubleBlocks.count, case .double(let text, let image) = streams.tokens {
                let (nextText, nextImage) = try doubleBlocks[index](
                    text: (text, Modulation.parts(of: state.textModulation, count: 2)),
                    image: (image, Modulation.parts(of: state.imageModulation, count: 2)), rotary: streams.rotary)
                state.streams.tokens = .double(text: nextText, image: nextImage)
            } else {
                let isLast = index == blockCount - 1
                let tokens = try singleBlocks[index - doubleBlocks.count](
                    streams.joined(), isLast ? .image : .all, textTokens: streams.textTokens,
                    Modulation.parts(of: state.singleModulation, count: 1)[0], streams.rotary)
                state.streams.tokens = isLast ? .image(tokens) : .single(tokens)
            }
        }

        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            let image = try state.streams.image().slice(0..<state.predicted, axis: 1).contiguous()
            return [try projectionOut(normOut(image, conditioning: state.conditioning))]
        }

        /// The image's tokens as the first block's attention takes them; both of TeaCache's ways are one.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) throws(TensorError) -> Tensor {
            let image = try state.streams.image()
            guard doubleBlocks.count > 0 else { return try image.to(.float32) }
            return try Modulation.parts(of: state.imageModulation, count: 2)[0].normed(image).tokens().to(.float32)
        }

        private func embedded(_ input: Input) throws(TensorError) -> (prompt: Tensor, references: Tensor?) {
            if let embedded = input.embedded { return embedded }
            return (
                try textIn(input.prompt),
                try input.references.map { references throws(TensorError) in try imageIn(references) }
            )
        }

        /// Timestep and guidance as one vector, `[1, width]`.
        private func conditioning(_ input: Input) throws(TensorError) -> Tensor {
            let time = try embedded(input.timestep, by: timestepEmbedding)
            guard let guidanceEmbedding, let guidance = input.guidance else { return time }
            return try time + embedded(guidance * 1000, by: guidanceEmbedding)
        }

        private func embedded(_ value: Float, by embedding: TimestepEmbedding) throws(TensorError) -> Tensor {
            let sinusoids = try timestepSinusoids([value], width: config.timestepGuidanceChannels, on: plan.device)
            return try embedding(sinusoids.to(plan.dtype))
        }
    }
}

extension JointBlock {
    fileprivate init(flux2 weights: Weights, _ config: Flux2.TransformerConfig) throws {
        func stream(_ kind: JointStream.Kind, _ feedForward: String) throws -> JointStream {
            try JointStream(
                weights["attn"], kind, heads: config.numAttentionHeads, width: config.width, bias: false,
                GatedFeedForward(weights[feedForward], width: config.width, inner: config.inner))
        }
        self.init(
            weights, text: try stream(.text, "ff_context"), image: try stream(.image, "ff"),
            heads: config.numAttentionHeads, headWidth: config.attentionHeadDim)
    }
}
