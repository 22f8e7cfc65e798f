package import Diffusion
package import Layers
package import Tensors

extension Cosmos3 {
    /// One transformer of two towers: one reads the prompt once, the other denoises a video and its sound, which attend to
    /// what the first made of the prompt.
    // Source: diffusers 0.42.1, models/transformers/transformer_cosmos3.py.
    package struct Transformer: CacheableTransformer {
        /// What enters a denoising step, on the model's device.
        package struct Input {
            /// The video's latents, `[batch, latentChannel, frames, height, width]`, of any type.
            package var video: Tensor
            /// The sound's latents, `[batch, soundDim, length]`, of any type; nil without sound.
            package var sound: Tensor?
            /// One for each item of the batch.
            package var prompts: [Prompt]
            /// Frames a second of the video.
            package var rate: Double
            /// Frames that a latent frame but the first stands for.
            package var temporalFactor = 4
            /// As the scheduler counts, from 0 to 1000.
            package var timestep: Float
            /// How many of the first latent frames are clean and stay what they are.
            package var heldFrames = 0
            /// What the prompts became, where that is done already.
            fileprivate var text: Text?
            /// The tables of the video's and the sound's tokens, where they are made already.
            fileprivate var rotary: RotaryEmbedding?

            package init(video: Tensor, sound: Tensor? = nil, prompts: [Prompt], rate: Double, timestep: Float) {
                (self.video, self.sound, self.prompts) = (video, sound, prompts)
                (self.rate, self.timestep) = (rate, timestep)
            }
        }

        /// What runs from block to block.
        package struct State {
            /// The video's tokens, then the sound's, `[batch, tokens, width]`, in 32-bit floats: rounded to 16 bits after
            /// every block they would lose more than all else that is.
            package var tokens: Tensor
            /// The embedded timestep, `[1, width]`, in 32-bit floats.
            var time: Tensor
            var text: Text
            /// `[tokens, headDim / 2]`, or with as many items as the batch before that.
            package var rotary: RotaryEmbedding
            let grid: PatchGrid
            /// Of the latents, `[frames, height, width]`.
            let size: [Int]
            let heldFrames: Int
            let soundTokens: Int
        }

        /// What the tokens attend to of the prompts.
        struct Text {
            /// By layer, of the whole batch; short prompts are filled up with zeros.
            var keys: TextKeys
            /// What is added to the scores, `[batch, 1, 1, textTokens]`; nil if all prompts are of one length.
            var mask: Tensor?
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        package let captures = CapturedBlocks<State>()
        private let text: TextTower
        private let projectionIn, projectionOut: Linear
        private let time: TimestepEmbedding
        private let sound: SoundLayers?
        private let blocks: BlockStore<Block>
        private let norm: LanguageModelNorm
        private let plan: ComputePlan

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            (self.config, plan) = (config, weights.plan)
            let width = config.hiddenSize
            // The first and the last layers are small, and fewer bits there would show in every prediction.
            let wide = weights.computing(in: .float32)
            text = try TextTower(weights, config)
            projectionIn = try Linear(wide["proj_in"], from: config.patchLatentDim, to: width, keepsBits: true)
            projectionOut = try Linear(wide["proj_out"], from: width, to: config.patchLatentDim, keepsBits: true)
            time = try TimestepEmbedding(wide["time_embedder"], from: Self.sinusoids, to: width)
            sound = try config.soundDim.flatMap { config.soundGen ? try SoundLayers(wide, $0, width: width) : nil }
            blocks = try BlockStore(config.numHiddenLayers, of: weights) { try Block(weights["layers"][$0], config) }
            norm = try LanguageModelNorm(weights["norm_moe_gen"], size: width, epsilon: config.rmsNormEps)
            guard config.actionGen else { return }
            for part in ["action_proj_in", "action_proj_out"] { weights.disregard(part: part) }
            weights.disregard("action_modality_embed")
        }

        private static let sinusoids = 256

        package var blockCount: Int { blocks.count }

        /// Lets the text tower read a prompt that it has not read yet.
        package func read(_ prompt: Prompt) throws(TensorError) {
            if prompt.keys == nil { prompt.keys = try text(prompt.ids) }
        }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            (input.text, input.rotary) = (try text(of: input), try rotary(of: input))
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let grid = grid(input.video)
            let time = try time(
                timestepSinusoids(
                    [input.timestep * Float(config.timestepScale)], width: Self.sinusoids, on: plan.device))
            let patches = try grid.patches(channelsLast: padded(input.video.to(.float32)))
            var tokens = try projectionIn(patches)
            let held = input.heldFrames * grid.rows * grid.columns
            let noisy = try tokens.slice(held..<grid.tokens, axis: 1) + time
            tokens = held > 0 ? try concatenate([tokens.slice(0..<held, axis: 1), noisy], axis: 1) : noisy
            if let sound, let latents = input.sound {
                tokens = try concatenate([tokens, sound.tokens(of: latents.to(.float32)) + time], axis: 1)
            }
            return State(
                tokens: tokens, time: time, text: try text(of: input), rotary: try rotary(of: input), grid: grid,
                size: Array(input.video.shape.dropFirst(2)), heldFrames: input.heldFrames,
                soundTokens: input.sound?.size(2) ?? 0)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            state.tokens = try blocks[index](
                state.tokens, state.text.keys[index], state.rotary, mask: state.mask())
        }

        /// The predictions of the video, `[batch, latentChannel, frames, height, width]`, and of its sound if there is one,
        /// `[batch, soundDim, length]`, in 32-bit floats; zeros for frames that are held.
        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            let (count, held) = (state.grid.tokens, state.heldFrames)
            let normed = try norm.wide(state.tokens)
            let patches = try projectionOut(normed.slice(0..<count, axis: 1))
            var video = try state.grid.latents(channelsLast: patches).slice(0..<state.size[1], axis: 3)
                .slice(0..<state.size[2], axis: 4)
            if held > 0 {
                let free = try video.slice(held..<state.size[0], axis: 2)
                let still = try Tensor.full(0, video.slice(0..<held, axis: 2).shape, on: video.device)
                video = try concatenate([still, free], axis: 2)
            }
            guard let sound, state.soundTokens > 0 else { return [video] }
            return [video, try sound.latents(of: normed.slice(count..<count + state.soundTokens, axis: 1))]
        }

        /// The embedded timestep.
        package func teaCacheSignal(_ state: State, _ variant: TeaCacheVariant) -> Tensor { state.time }

        /// The tokens of a video's latents, `[batch, latentChannel, frames, height, width]`.
        private func grid(_ latents: Tensor) -> PatchGrid { config.grid(Array(latents.shape.dropFirst(2))) }

        /// Latents with zeros below and at the right, until patches are full.
        private func padded(_ latents: Tensor) throws(TensorError) -> Tensor {
            let (grid, patch) = (grid(latents), config.latentPatchSize)
            let (bottom, right) = (grid.rows * patch - latents.size(3), grid.columns * patch - latents.size(4))
            return bottom + right == 0 ? latents : try latents.padded(0, right, 0, bottom)
        }
    }
}

extension Cosmos3.Transformer {
    /// What the prompts of an input become.
    private func text(of input: Input) throws(TensorError) -> Text {
        if let text = input.text { return text }
        for prompt in input.prompts { try read(prompt) }
        let all = input.prompts.compactMap(\.keys)
        if all.count == 1 { return Text(keys: all[0]) }
        let counts = input.prompts.map(\.ids.count)
        let most = counts.max() ?? 0
        func together(_ parts: [Tensor]) throws(TensorError) -> Tensor {
            try concatenate(
                zip(parts, counts).map { part, count throws(TensorError) in
                    let missing = [1, most - count] + part.shape.dropFirst(2)
                    let zeros = try Tensor.full(0, missing, part.dtype, on: part.device)
                    return count == most ? part : try concatenate([part, zeros], axis: 1)
                }, axis: 0)
        }
        let keys = try (0..<blockCount).map { layer throws(TensorError) in
            Cosmos3.LayerKeys(
                keys: try together(all.map { $0[layer].keys }), values: try together(all.map { $0[layer].values }))
        }
        guard counts.contains(where: { $0 < most }) else { return Text(keys: keys) }
        let hidden = counts.flatMap { count in (0..<most).map { $0 < count ? 0 : -Float.infinity } }
        let mask = try Tensor(hidden, shape: [counts.count, 1, 1, most], on: plan.device).to(plan.dtype)
        return Text(keys: keys, mask: mask)
    }

    /// The tables of an input's tokens, which lie behind their prompt's.
    private func rotary(of input: Input) throws(TensorError) -> RotaryEmbedding {
        if let rotary = input.rotary { return rotary }
        let positions = Cosmos3.Positions(config, on: plan.device)
        let (grid, counts) = (grid(input.video), input.prompts.map(\.ids.count))
        var tables: [Int: RotaryEmbedding] = [:]
        for count in Set(counts) {
            tables[count] = try positions.generated(
                after: count, grid, rate: input.rate, compression: Double(input.temporalFactor),
                soundTokens: input.sound?.size(2) ?? 0)
        }
        if let table = tables[counts[0]], tables.count == 1 { return table }
        let all = counts.compactMap { tables[$0] }
        return RotaryEmbedding(cosine: try stack(all.map(\.cosine), axis: 0), sine: try stack(all.map(\.sine), axis: 0))
    }
}

extension Cosmos3 {
    /// The layers between a sound's latents and its tokens.
    struct SoundLayers {
        private let projectionIn, projectionOut: Linear
        /// `[width]`.
        private let modality: Tensor

        /// - Parameters:
        ///   - weights: the view of the transformer
        ///   - channels: of the latents
        ///   - width: of the tokens
        /// - Throws: ``WeightError`` or ``TensorError``
        init(_ weights: Weights, _ channels: Int, width: Int) throws {
            projectionIn = try Linear(weights["audio_proj_in"], from: channels, to: width, keepsBits: true)
            projectionOut = try Linear(weights["audio_proj_out"], from: width, to: channels, keepsBits: true)
            modality = try weights.tensor("audio_modality_embed", width)
        }

        /// `[batch, channels, length]` to `[batch, length, width]`.
        func tokens(of latents: Tensor) throws(TensorError) -> Tensor {
            try projectionIn(latents.transposed(1, 2).contiguous()) + modality
        }

        /// `[batch, length, width]` to `[batch, channels, length]`.
        func latents(of tokens: Tensor) throws(TensorError) -> Tensor {
            try projectionOut(tokens).transposed(1, 2).contiguous()
        }
    }
}
