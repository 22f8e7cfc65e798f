internal import Diffusion
package import Layers
package import Tensors

extension LTX2 {
    /// The denoiser: blocks over two streams, video and sound, which look at the prompt and at each other in each.
    // Source: diffusers 0.42.1, models/transformers/transformer_ltx2.py.
    package struct Transformer: DiffusionTransformer {
        /// What enters a denoising step, on the model's device.
        package struct Input {
            /// The video's latents, `[batch, tokens, inChannels]`, of any type.
            package var video: Tensor
            /// The sound's latents, `[batch, audioTokens, audioInChannels]`, of any type.
            package var audio: Tensor
            /// The connectors' states for the video, `[batch, textTokens, captionChannels]`, in the model's type.
            package var videoText: Tensor { didSet { text = nil } }
            /// The connectors' states for the sound, as `videoText`.
            package var audioText: Tensor { didSet { text = nil } }
            /// The latents' frames, rows and columns.
            package var size: [Int]
            /// Frames a second of the video.
            package var rate: Double
            /// The video's noise level, from 0 to 1000: one for all tokens, or one for each frame.
            package var timesteps: [Float]
            /// The noise level of what is denoised.
            package var timestep: Float
            /// Whether each stream is shown the other's noise level where it attends to it, as newer models are.
            package var sharesTimesteps = true
            /// Blocks whose tokens have their own values instead of attending to their stream.
            package var perturbedBlocks: Set<Int> = []
            /// Whether video and sound do without each other.
            package var isIsolated = false
            /// What the prompts become, where that is done already.
            fileprivate var text: (video: Tensor, audio: Tensor)?
            fileprivate var tables: Tables?

            package init(
                video: Tensor, audio: Tensor, videoText: Tensor, audioText: Tensor, size: [Int], rate: Double,
                timesteps: [Float], timestep: Float
            ) {
                (self.video, self.audio, self.videoText, self.audioText) = (video, audio, videoText, audioText)
                (self.size, self.rate, self.timesteps, self.timestep) = (size, rate, timesteps, timestep)
            }
        }

        /// What runs from block to block.
        package struct State {
            /// What the blocks work on, `[batch, tokens, width]`, in 32-bit floats: rounded to 16 bits after every block it
            /// would lose more than all else that is.
            package var video, audio: Tensor
            /// The embedded noise levels, `[batch, groups, width]`, in 32-bit floats.
            var videoTime, audioTime: Tensor
            var text: (video: Tensor, audio: Tensor)
            var levels: Levels
            package var tables: Tables
            /// Whether groups of the video's tokens have noise levels of their own, and where they attend to the sound.
            let hasGroups: (video: Bool, cross: Bool)
            let perturbedBlocks: Set<Int>
            let isIsolated: Bool
        }

        /// The component's `config.json`.
        package let config: TransformerConfig
        let captures = CapturedBlocks<State>()
        private let videoIn, audioIn, videoOut, audioOut: Linear
        private let videoCaption, audioCaption: TimestepEmbedding?
        private let videoTime, audioTime, videoCross, audioCross, videoGate, audioGate: TimeEmbedding
        private let videoPrompt, audioPrompt: TimeEmbedding?
        private let blocks: BlockStore<Block>
        private let videoTable, audioTable: Tensor
        private let device: Device
        /// Of all heads, those that this device has.
        private let ownHeads: Range<Int>

        package init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, audioWidth, rows) = (config.width, config.audioWidth, config.modulatesPrompt ? 9 : 6)
            self.config = config
            device = weights.plan.device
            ownHeads = weights.ownHeads(of: config.numAttentionHeads)
            // The first and the last layers are small, and fewer bits there would show in every prediction.
            let wide = weights.computing(in: .float32)
            func exact(_ name: String, _ from: Int, _ to: Int) throws -> Linear {
                try Linear(wide[name], from: from, to: to, keepsBits: true)
            }
            videoIn = try exact("proj_in", config.inChannels, width)
            audioIn = try exact("audio_proj_in", config.audioInChannels, audioWidth)
            videoOut = try exact("proj_out", width, config.outChannels ?? config.inChannels)
            audioOut = try exact(
                "audio_proj_out", audioWidth, config.audioOutChannels ?? config.audioInChannels)
            func caption(_ name: String, _ width: Int) throws -> TimestepEmbedding? {
                guard config.usePromptEmbeddings else { return nil }
                return try TimestepEmbedding(weights[name], from: config.captionChannels, to: width, .geluTanh)
            }
            videoCaption = try caption("caption_projection", width)
            audioCaption = try caption("audio_caption_projection", audioWidth)
            videoTime = try TimeEmbedding(weights["time_embed"], width: width, rows: rows)
            audioTime = try TimeEmbedding(weights["audio_time_embed"], width: audioWidth, rows: rows)
            videoCross = try TimeEmbedding(weights["av_cross_attn_video_scale_shift"], width: width, rows: 4)
            audioCross = try TimeEmbedding(weights["av_cross_attn_audio_scale_shift"], width: audioWidth, rows: 4)
            videoGate = try TimeEmbedding(weights["av_cross_attn_video_a2v_gate"], width: width, rows: 1)
            audioGate = try TimeEmbedding(weights["av_cross_attn_audio_v2a_gate"], width: audioWidth, rows: 1)
            func prompt(_ name: String, _ width: Int) throws -> TimeEmbedding? {
                config.modulatesPrompt ? try TimeEmbedding(weights[name], width: width, rows: 2) : nil
            }
            videoPrompt = try prompt("prompt_adaln", width)
            audioPrompt = try prompt("audio_prompt_adaln", audioWidth)
            blocks = try BlockStore(config.numLayers, of: weights) {
                try Block(weights["transformer_blocks"][$0], config)
            }
            videoTable = try wide.tensor("scale_shift_table", 2, width)
            audioTable = try wide.tensor("audio_scale_shift_table", 2, audioWidth)
        }

        package var blockCount: Int { blocks.count }

        package func prepared(_ input: Input) throws(TensorError) -> Input {
            var input = input
            (input.text, input.tables) = (try text(input), try tables(input))
            return input
        }

        package func begin(_ input: Input) throws(TensorError) -> State {
            let (batch, time) = (input.video.size(0), [input.timestep])
            func ofBatch(_ x: Tensor) throws(TensorError) -> Tensor {
                try x.expanded([batch] + x.shape.dropFirst())
            }
            let (video, audio) = (try videoTime(input.timesteps), try audioTime(time))
            let ownTime = input.sharesTimesteps ? time : input.timesteps
            let factor = Float(config.crossAttnTimestepScaleMultiplier) / Float(config.timestepScaleMultiplier)
            let levels = Levels(
                video: try ofBatch(video.rows), audio: try ofBatch(audio.rows),
                videoCross: try ofBatch(videoCross(ownTime).rows), audioCross: try ofBatch(audioCross(time).rows),
                videoGate: try ofBatch(videoGate(ownTime.map { $0 * factor }).rows),
                audioGate: try ofBatch(audioGate(time.map { $0 * factor }).rows),
                videoPrompt: try videoPrompt.map { prompt throws(TensorError) in try ofBatch(prompt(time).rows) },
                audioPrompt: try audioPrompt.map { prompt throws(TensorError) in try ofBatch(prompt(time).rows) })
            return State(
                video: try videoIn(input.video.to(.float32)), audio: try audioIn(input.audio.to(.float32)),
                videoTime: try ofBatch(video.embedded), audioTime: try ofBatch(audio.embedded), text: try text(input),
                levels: levels, tables: try tables(input),
                hasGroups: (input.timesteps.count > 1, ownTime.count > 1), perturbedBlocks: input.perturbedBlocks,
                isIsolated: input.isIsolated)
        }

        package func block(_ index: Int, _ state: inout State) throws(TensorError) {
            (state.video, state.audio) = try blocks[index](
                state.video, state.audio, text: state.text, state.levels, state.tables,
                isPerturbed: config.perturbedAttn && state.perturbedBlocks.contains(index),
                isIsolated: state.isIsolated)
        }

        /// The predictions of video and sound, `[batch, tokens, channels]`, in 32-bit floats.
        package func finish(_ state: consuming State) throws(TensorError) -> [Tensor] {
            func last(_ x: Tensor, _ table: Tensor, _ time: Tensor, _ out: Linear) throws(TensorError) -> Tensor {
                let rows = try Rows(table, time.unsqueezed(2))
                return try out(modulatedLayerNorm(x, scale: rows[1], shift: rows[0], epsilon: 1e-6))
            }
            return [
                try last(state.video, videoTable, state.videoTime, videoOut),
                try last(state.audio, audioTable, state.audioTime, audioOut),
            ]
        }

        private func text(_ input: Input) throws(TensorError) -> (video: Tensor, audio: Tensor) {
            if let text = input.text { return text }
            return (
                try videoCaption.map { caption throws(TensorError) in try caption(input.videoText) } ?? input.videoText,
                try audioCaption.map { caption throws(TensorError) in try caption(input.audioText) } ?? input.audioText
            )
        }

        private func tables(_ input: Input) throws(TensorError) -> Tables {
            if let tables = input.tables { return tables }
            let (positions, heads, theta) = (Positions(config), config.numAttentionHeads, config.ropeTheta)
            let video = positions.video(
                frames: input.size[0], rows: input.size[1], columns: input.size[2], rate: Float(input.rate))
            let audio = positions.audio(input.audio.size(1))
            func table(_ positions: [[Float]], _ width: Int) throws(TensorError) -> HeadRotary {
                try HeadRotary(positions: positions, width: width, heads: heads, theta: theta, on: device)
                    .mapped { table throws(TensorError) in try table.slice(ownHeads, axis: 1).contiguous() }
            }
            return Tables(
                video: try table(video, config.width), audio: try table(audio, config.audioWidth),
                videoCross: try table(
                    positions.shared(video, of: config.posEmbedMaxPos), config.audioCrossAttentionDim),
                audioCross: try table(
                    positions.shared(audio, of: config.audioPosEmbedMaxPos), config.audioCrossAttentionDim))
        }
    }
}
