internal import Layers
internal import Tensors

extension LTX2 {
    /// Noise levels, as a block's tables shift, scale and gate by them, `[batch, groups, rows, width]` each, in 32-bit floats.
    struct Levels {
        /// Of video and sound: six rows, nine where prompts are modulated.
        var video, audio: Tensor
        /// Where the streams attend to each other: scale and shift as the video sees and is seen, then the sound.
        var videoCross, audioCross: Tensor
        /// Of what the video and the sound take from each other, one row.
        var videoGate, audioGate: Tensor
        /// Shift and scale of the prompt, for the video and for the sound; nil in models without.
        var videoPrompt, audioPrompt: Tensor?
    }

    /// Where tokens lie, for every attention that has positions.
    package struct Tables {
        package var video, audio, videoCross, audioCross: HeadRotary
    }

    /// One layer: of video and sound each attention to itself and to the prompt, then to each other, and feed-forward.
    struct Block {
        private let videoSelf, audioSelf, videoText, audioText, fromAudio, fromVideo: AttentionLayer
        private let videoFeedForward, audioFeedForward: FeedForward
        private let videoTable, audioTable, videoCrossTable, audioCrossTable: Tensor
        private let videoPromptTable, audioPromptTable: Tensor?
        private let epsilon: Double
        private let dtype: DType

        init(_ weights: Weights, _ config: TransformerConfig) throws {
            let (width, audioWidth) = (config.width, config.audioWidth)
            func attention(
                _ name: String, _ role: AttentionSite.Role, of queries: StreamTokens = .all,
                to keys: StreamTokens = .all, _ own: Int, _ source: Int, video isWide: Bool, gated: Bool
            ) throws -> AttentionLayer {
                try AttentionLayer(
                    weights[name], role, of: queries, to: keys, width: own, source: source,
                    heads: isWide ? config.numAttentionHeads : config.audioNumAttentionHeads,
                    headWidth: isWide ? config.attentionHeadDim : config.audioAttentionHeadDim, isGated: gated,
                    bias: config.attentionBias, outBias: config.attentionOutBias)
            }
            let (gated, audioGated) = (config.gatedAttn, config.audioGatedAttn)
            let (video, audio) = (StreamTokens.stream(0), StreamTokens.stream(1))
            videoSelf = try attention(
                "attn1", .selfAttention, of: video, to: video, width, width, video: true, gated: gated)
            audioSelf = try attention(
                "audio_attn1", .selfAttention, of: audio, to: audio, audioWidth, audioWidth, video: false,
                gated: audioGated)
            videoText = try attention("attn2", .cross, width, config.crossAttentionDim, video: true, gated: gated)
            audioText = try attention(
                "audio_attn2", .cross, audioWidth, config.audioCrossAttentionDim, video: false, gated: audioGated)
            fromAudio = try attention(
                "audio_to_video_attn", .betweenStreams, of: video, to: audio, width, audioWidth, video: false,
                gated: gated)
            fromVideo = try attention(
                "video_to_audio_attn", .betweenStreams, of: audio, to: video, audioWidth, width, video: false,
                gated: audioGated)
            videoFeedForward = try FeedForward(
                weights["ff"], from: width, inner: 4 * width, to: width, .geluTanh, bias: config.ffBias)
            audioFeedForward = try FeedForward(
                weights["audio_ff"], from: audioWidth, inner: 4 * audioWidth, to: audioWidth, .geluTanh,
                bias: config.audioFfBias)
            let wide = weights.computing(in: .float32)
            let rows = config.modulatesPrompt ? 9 : 6
            videoTable = try wide.tensor("scale_shift_table", rows, width)
            audioTable = try wide.tensor("audio_scale_shift_table", rows, audioWidth)
            videoCrossTable = try wide.tensor("video_a2v_cross_attn_scale_shift_table", 5, width)
            audioCrossTable = try wide.tensor("audio_a2v_cross_attn_scale_shift_table", 5, audioWidth)
            func promptTable(_ name: String, _ width: Int) throws -> Tensor? {
                config.modulatesPrompt ? try wide.tensor(name, 2, width) : nil
            }
            videoPromptTable = try promptTable("prompt_scale_shift_table", width)
            audioPromptTable = try promptTable("audio_prompt_scale_shift_table", audioWidth)
            (epsilon, dtype) = (config.normEps, weights.plan.dtype)
        }

        /// - Parameters:
        ///   - video: `[batch, tokens, width]`, in 32-bit floats
        ///   - audio: `[batch, audioTokens, audioWidth]`, in 32-bit floats
        ///   - text: the prompt for the video and for the sound, `[batch, textTokens, width or audioWidth]`
        ///   - levels: the noise levels
        ///   - tables: where the tokens lie
        ///   - isPerturbed: whether tokens keep their own values instead of attending to their stream
        ///   - isIsolated: whether the streams do without each other
        /// - Returns: both streams
        func callAsFunction(
            _ video: Tensor, _ audio: Tensor, text: (video: Tensor, audio: Tensor), _ levels: Levels, _ tables: Tables,
            isPerturbed: Bool, isIsolated: Bool
        ) throws(TensorError) -> (video: Tensor, audio: Tensor) {
            let videoRows = try Rows(videoTable, levels.video)
            let audioRows = try Rows(audioTable, levels.audio)
            var video = try attended(
                video, videoRows, videoSelf, tables.video, isPerturbed: isPerturbed)
            var audio = try attended(
                audio, audioRows, audioSelf, tables.audio, isPerturbed: isPerturbed)
            video = try prompted(video, videoRows, videoText, text.video, videoPromptTable, levels.videoPrompt)
            audio = try prompted(audio, audioRows, audioText, text.audio, audioPromptTable, levels.audioPrompt)
            if !isIsolated { (video, audio) = try joined(video, audio, levels, tables) }
            return (
                try fed(video, videoRows, videoFeedForward), try fed(audio, audioRows, audioFeedForward)
            )
        }

        /// A stream behind the attention to itself.
        private func attended(
            _ x: Tensor, _ rows: Rows, _ attention: AttentionLayer, _ tables: HeadRotary, isPerturbed: Bool
        ) throws(TensorError) -> Tensor {
            let normed = LinearInput(try modulated(x, rows[1], rows[0]))
            return try gatedAdd(
                x, gate: rows[2], attention(normed, turned: (tables, tables), isPerturbed: isPerturbed))
        }

        /// A stream behind the attention to its prompt.
        private func prompted(
            _ x: Tensor, _ rows: Rows, _ attention: AttentionLayer, _ text: Tensor, _ table: Tensor?, _ level: Tensor?
        ) throws(TensorError) -> Tensor {
            guard let table, let level else {
                return try x + attention(LinearInput(norm(x).to(dtype)), to: LinearInput(text))
            }
            let prompt = try Rows(table, level)
            let source = LinearInput(try text.modulated(scale: prompt[1], shift: prompt[0], as: dtype))
            let normed = LinearInput(try modulated(x, rows[7], rows[6]))
            return try gatedAdd(x, gate: rows[8], attention(normed, to: source))
        }

        /// Both streams behind the attention to each other, each as it was before.
        private func joined(_ video: Tensor, _ audio: Tensor, _ levels: Levels, _ tables: Tables) throws(TensorError)
            -> (Tensor, Tensor)
        {
            let (ofVideo, ofAudio) = (
                try Rows(videoCrossTable.slice(0..<4, axis: 0), levels.videoCross),
                try Rows(audioCrossTable.slice(0..<4, axis: 0), levels.audioCross)
            )
            func side(_ x: Tensor, _ rows: Rows, _ first: Int) throws(TensorError) -> LinearInput {
                LinearInput(try modulated(x, rows[first], rows[first + 1]))
            }
            let toVideo = try fromAudio(
                side(video, ofVideo, 0), to: side(audio, ofAudio, 0),
                turned: (tables.videoCross, tables.audioCross))
            let toAudio = try fromVideo(
                side(audio, ofAudio, 2), to: side(video, ofVideo, 2),
                turned: (tables.audioCross, tables.videoCross))
            let videoGate = try Rows(videoCrossTable.slice(4..<5, axis: 0), levels.videoGate)[0]
            let audioGate = try Rows(audioCrossTable.slice(4..<5, axis: 0), levels.audioGate)[0]
            return (
                try gatedAdd(video, gate: videoGate, toVideo), try gatedAdd(audio, gate: audioGate, toAudio)
            )
        }

        /// A stream behind its feed-forward.
        private func fed(_ x: Tensor, _ rows: Rows, _ feedForward: FeedForward) throws(TensorError) -> Tensor {
            let normed = LinearInput(try modulated(x, rows[4], rows[3]))
            return try gatedAdd(x, gate: rows[5], feedForward(normed))
        }

        private func norm(_ x: Tensor) throws(TensorError) -> Tensor { try rmsNorm(x, epsilon: epsilon) }

        private func modulated(_ x: Tensor, _ scale: Tensor, _ shift: Tensor) throws(TensorError) -> Tensor {
            try modulatedRMSNorm(x, scale: scale, shift: shift, epsilon: epsilon, as: dtype)
        }
    }
}
