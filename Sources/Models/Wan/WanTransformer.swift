package import Diffusion
package import Layers
package import Tensors

extension Wan {
    /// Wan's denoiser: blocks over the video's tokens, which look at prompt and image in each.
    // Source: diffusers 0.42.1, models/transformers/transformer_wan.py.
    package struct Transformer: CacheableTransformer {
        /// What enters a denoising step, on the model's device.
        package struct Input {
            /// The latents and what is joined to their channels, `[batch, inChannels, frames, height, width]`, of any type.
            package var latents: Tensor
            /// The text encoder's states, `[batch, textTokens, textDim]`, in the model's type.
            package var prompt: Tensor { didSet { context = nil } }
            /// The image encoder's states, for models that take them, `[batch, imageTokens, imageDim]`, in the model's
            /// type; the two images of a video in a row.
            package var image: Tensor? { didSet { context = nil } }
            /// From 0 to 1000, the same for the whole batch: one for all tokens, or one for each of several equal groups of
            /// tokens in a row, such as the frames.
            package var timesteps: [Float]
            /// The tables of the tokens.
            package var rotary: RotaryEmbedding
            /// What the blocks make of prompt and image, where that is done already.
            fileprivate var context: Context?

            package init(
                latents: Tensor, prompt: Tensor, image: Tensor? = nil, timesteps: [Float], rotary: RotaryEmbedding
            ) {
                (self.latents, self.prompt, self.image) = (latents, prompt, image)
                (self.timesteps, self.rotary) = (timesteps, rotary)
            }
        }

        /// What runs from block to block.
        package struct State {
            /// What the blocks work on, `[batch, tokens, width]`, in 32-bit floats: rounded to 16 bits after every block
            /// it would lose more than all else that is.
            package var tokens: Tensor
            /// How the timesteps shift, scale and gate the blocks, `[batch, groups, 6, width]`, in 32-bit floats.
            package var modulation: Tensor
            /// The embedded timesteps, `[batch, groups, width]`, in 32-bit floats.
            var timesteps: Tensor
            var context: Context
            var rotary: RotaryEmbedding
            let grid: PatchGrid
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        package let captures = CapturedBlocks<State>()
        private let patchEmbedding: Linear
        private let conditions: ConditionEmbedding
        private let blocks: BlockStore<Block>
        private let table: Tensor
        private let projectionOut: Linear

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, patch) = (config.width, config.patchSize)
            self.config = config
            // The first and the last layer are small, and 16 bits there would show in every prediction.
            let wide = weights.computing(in: .float32)
            patchEmbedding = try Linear(
                wide["patch_embedding"], patch: [config.inChannels, patch[0], patch[1], patch[2]], to: width)
            conditions = try ConditionEmbedding(weights["condition_embedder"], config)
            blocks = try BlockStore(config.numLayers, of: weights) { try Block(weights["blocks"][$0], config) }
            table = try wide.tensor("scale_shift_table", 1, 2, width).unsqueezed(0)
            projectionOut = try Linear(wide["proj_out"], from: width, to: config.patchOut)
        }

        package var blockCount: Int { blocks.count }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            var context = try context(input)
            if config.keepsKeys(ofText: context.text.size(1), video: config.grid(input.latents).tokens) {
                let known = context
                context.sources = try (0..<blocks.count).map { index throws(TensorError) in
                    try blocks[index].sources(known)
                }
            }
            input.context = context
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let latents = input.latents
            let grid = config.grid(latents)
            let (timesteps, modulation) = try conditions.timesteps(input.timesteps)
            return State(
                tokens: try patchEmbedding(grid.patches(latents.to(.float32))),
                modulation: try modulation.expanded(latents.size(0), -1, -1, -1),
                timesteps: try timesteps.expanded(latents.size(0), -1, -1),
                context: try context(input), rotary: input.rotary, grid: grid)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            state.tokens = try blocks[index](
                state.tokens, sources(of: index, state.context), modulation: state.modulation, rotary: state.rotary)
        }

        /// The prediction, `[batch, outChannels, frames, height, width]`, in 32-bit floats.
        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            let shifts = try table + state.timesteps.unsqueezed(2)
            let normed = try modulatedLayerNorm(
                state.tokens, scale: shifts.select(1, axis: 2), shift: shifts.select(0, axis: 2),
                epsilon: config.eps)
            return [try state.grid.latents(channelsLast: projectionOut(normed))]
        }

        /// The embedded timesteps, or what the blocks are modulated by.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) -> Tensor {
            variant == .standard ? state.timesteps : state.modulation
        }

        /// Prompt and image, embedded.
        private func context(_ input: Input) throws(TensorError) -> Context {
            if let context = input.context { return context }
            return try conditions.context(prompt: input.prompt, imageEmbeds: input.image)
        }

        /// What a block attends to besides the video.
        private func sources(of block: Int, _ context: Context) throws(TensorError) -> CrossAttention.Sources {
            if let sources = context.sources { return sources[block] }
            return try blocks[block].sources(context)
        }
    }
}
