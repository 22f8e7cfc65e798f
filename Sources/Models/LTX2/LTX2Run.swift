internal import Diffusion
internal import Layers
internal import Media
internal import Tensors

/// One request's videos and their sound on their way.
final class LTX2Run {
    private let pipeline: LTX2Pipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let first: LTX2Denoising
    /// At twice the height and width of the first; nil where that is all.
    private let second: LTX2Denoising?
    /// The text encoder's states of the prompts, and of the negative ones with guidance.
    private var states: [Guidance.Branch: [[Tensor]]] = [:]
    private var prompts: [Guidance.Branch: LTX2Denoising.Prompt] = [:]
    /// The latents of the image, `[outputs, tokens of a frame, channels]`.
    private var imageTokens: Tensor?
    /// What the second stage begins with, without noise: tokens of video and sound.
    private var enlarged: (video: Tensor, audio: Tensor)?

    /// The names of the second stage's entries in a trace begin so.
    private static let secondStage = "stage_2."

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: LTX2Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        let parts = pipeline.model.parts
        // One stream of random numbers goes on from stage to stage.
        let noise = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        func stage(
            _ size: OutputSize, _ guidance: LTX2.StreamGuidance, _ scheduler: FlowMatchEuler, sigmas: [Double],
            _ transformer: Resident<LTX2.TransformerConfig, LTX2.Transformer>, _ caches: [StepCacheSettings],
            named name: String = ""
        ) throws -> LTX2Denoising {
            let latents = LTX2.LatentSize(size, rate: request.frameRate ?? 1, parts)
            let schedule = scheduler.schedule(sigmas: sigmas, mu: scheduler.mu(tokens: latents.tokens))
            try scheduler.requireFinite(schedule, for: request)
            let loop = DenoisingLoop(scheduler, schedule, noise: noise, run, stage: name)
            let steps = TransformerSteps(transformer, steps: 0..<loop.count, caches)
            return LTX2Denoising(latents, guidance, loop, steps, request)
        }
        let count = request.numInferenceSteps ?? 1
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        first = try stage(
            parts.firstSize(request), LTX2.StreamGuidance(request, parts.transformer.config), parts.scheduler,
            sigmas: sigmas ?? linspace(1, 1 / Double(count), count), pipeline.transformer, run.stepCaches)
        second =
            parts.upsampler == nil
            ? nil
            : try stage(
                OutputSize(request), LTX2.StreamGuidance(), parts.scheduler.takingSigmasAsTheyAre,
                sigmas: request.secondSigmas, pipeline.distilled ?? pipeline.transformer, [],
                named: Self.secondStage)
        for stage in [first, second].compactMap({ $0 }) {
            stage.loop.preview = DenoisingLoop.Preview(request.previews, of: stage.loop.count) {
                [unowned self, unowned stage] in try still($0, stage.size)
            }
        }
    }

    private var last: LTX2Denoising { second ?? first }

    private var texts: [Guidance.Branch] {
        first.guidance.streams[0].branches.filter { $0 == .positive || $0 == .negative }
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        try timed(&times.text) {
            for branch in texts { states[branch] = try pipeline.text.encode(request, branch, run.trace) }
        }
    }

    func connect(_ times: inout StageTimes) throws {
        try timed(&times.text) {
            let connectors = try pipeline.connectors()
            for branch in texts {
                let all = try (states.removeValue(forKey: branch) ?? []).map { states in
                    try run.context.checkCancellationAlone()
                    return try connectors(states, length: request.maxSequenceLength ?? 1)
                }
                let prompt = (video: try spread(all.map(\.video)), audio: try spread(all.map(\.audio)))
                let prefix = branch == .negative ? "negative_" : ""
                try run.trace?.record("\(prefix)prompt_embeds", prompt.video)
                try run.trace?.record("\(prefix)audio_prompt_embeds", prompt.audio)
                let dtype = run.options.plan.dtype
                prompts[branch] = (video: try prompt.video.to(dtype), audio: try prompt.audio.to(dtype))
            }
        }
    }

    /// A batch of prompts, for every output.
    private func spread(_ prompts: [Tensor]) throws(TensorError) -> Tensor {
        try concatenate(prompts, axis: 0).repeated(request.numImagesPerPrompt, axis: 0)
            .spread(over: request.outputCount)
    }

    func condition(_ times: inout StageTimes) throws {
        guard let image = request.images.first else { return }
        try timed(&times.text) {
            let size = pipeline.model.parts.firstSize(request)
            let pixels = try image.pixels.compressed(crf: request.extra["image_crf"]?.number ?? 0).resized(
                width: size.width, height: size.height, filter: .bilinear)
            let frame = try Tensor(image: pixels, on: run.options.plan.device)
            try run.trace?.record("image", frame.expanded(request.outputCount, -1, -1, -1))
            let vae = try pipeline.vae()
            let latents = try vae.encode(frame.unsqueezed(2)).mean
            // Not scaled, as the reference has it.
            imageTokens = try first.size.tokens(of: vae.normalised(latents) / vae.config.scalingFactor)
                .expanded(request.outputCount, -1, -1)
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        if !first.hasBegun { try begin() }
        return try first.step(&times) { prompts }
    }

    /// The video's noise comes before the sound's.
    private func begin() throws {
        let (parts, size) = (pipeline.model.parts, first.size)
        let (vae, audio) = (parts.vae.config, parts.audioVAE.config)
        let video = try size.tokens(
            of: first.loop.drawNoise([vae.latentChannels, size.frames, size.rows, size.columns]))
        let tokens = try audio.tokens(
            of: first.loop.drawNoise([audio.latentChannels, size.length, audio.latentBins], number: 1))
        guard let imageTokens else { return try first.begin(video, tokens) }
        let (own, free) = (0..<size.frameTokens, size.frameTokens..<size.tokens)
        let frame = try imageTokens.noised(1 - strength, video.slice(own, axis: 1))
        try first.begin(
            concatenate([frame, video.slice(free, axis: 1)], axis: 1), tokens,
            holding: HeldTokens(imageTokens, strength: strength))
    }

    /// How strongly the video begins with the image.
    private var strength: Double { request.extra["image_cond_strength"]?.number ?? 1 }
}

extension LTX2Run {
    /// Doubles height and width of the first stage's latents.
    func enlarge(_ times: inout StageTimes) throws {
        guard let second, let upsampler = try pipeline.upsampler?() else { return }
        try timed(&times.decode) {
            let (vae, audioVAE) = (try pipeline.vae(), try pipeline.audioVAE())
            let (video, sound) = (first.loop.latents[0], first.loop.latents[1])
            let latents = try vae.denormalised(first.size.latents(of: video))
            let audio = try audioVAE.denormalised(sound)
            try run.trace?.record("video_latents", latents)
            try run.trace?.record("audio_latents", audioVAE.config.latents(of: audio))
            let large = try upsampler(latents)
            try run.trace?.record("upsampled", large)
            // As it came, and as the reference gives it: there and back it is rounded.
            enlarged = (try second.size.tokens(of: vae.normalised(large)), try audioVAE.normalised(audio))
        }
    }

    /// A step of the second stage, which begins with what the first one made and some noise.
    func stepAgain(_ times: inout StageTimes) throws -> Bool {
        guard let second else { return false }
        if !second.hasBegun { try beginAgain(second) }
        return try second.step(&times) { prompts }
    }

    private func beginAgain(_ second: LTX2Denoising) throws {
        guard let (video, audio) = enlarged else { return }
        enlarged = nil
        let (scale, size) = (request.secondSigmas.first ?? 1, second.size)
        // As in the reference, noise has the form of tokens here, but with an image.
        guard imageTokens != nil else {
            let noise = try second.loop.drawNoise([size.tokens, video.size(2)])
            let sound = try second.loop.drawNoise([size.length, audio.size(2)], number: 1)
            return try second.begin(video.noised(scale, noise), audio.noised(scale, sound))
        }
        let noise = try size.tokens(
            of: second.loop.drawNoise([video.size(2), size.frames, size.rows, size.columns]))
        let sound = try second.loop.drawNoise([size.length, audio.size(2)], number: 1)
        let (own, free) = (0..<size.frameTokens, size.frameTokens..<size.tokens)
        let known = try video.slice(own, axis: 1)
        let frame = try known.noised(scale * (1 - strength), noise.slice(own, axis: 1))
        let rest = try video.slice(free, axis: 1).noised(scale, noise.slice(free, axis: 1))
        try second.begin(
            concatenate([frame, rest], axis: 1), audio.noised(scale, sound),
            holding: HeldTokens(known, strength: strength))
    }
}

extension LTX2Run {
    private var tiling: LTX2VideoTiling? { pipeline.model.parts.tiling(of: request) }

    /// A frame of the middle of each video: its latents decoded as if they were a whole video.
    private func still(_ tokens: Tensor, _ size: LTX2.LatentSize) throws -> PixelBatch {
        let middle = size.frames / 2
        let latents = try size.latents(of: tokens).slice(middle..<middle + 1, axis: 2)
        var frames: [Tensor] = []
        try pipeline.vae().decode(normalised: latents, tiling: tiling) { frames.append($0) }
        return PixelBatch(try PixelPart(images: concatenate(frames, axis: 2).select(0, axis: 2)))
    }

    /// Decodes the sound and delivers it, whole.
    func decodeSound(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        try timed(&times.decode) {
            let spectrogram = try pipeline.audioVAE().decode(normalised: last.loop.latents[1])
            try run.trace?.record("audio_decoded", spectrogram)
            let vocoder = try pipeline.vocoder.network()
            let waves = try vocoder(spectrogram).to(.float32)
            try run.trace?.record("audio", waves)
            let shape = SoundShape(
                count: waves.size(0), channels: waves.size(1), samples: waves.size(2), rate: vocoder.samplingRate)
            try run.deliver(.sound(SoundPart(shape, samples: waves.floats())))
        }
    }

    /// Decodes frame by frame and delivers each as it comes.
    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        prompts = [:]
        try timed(&times.decode) {
            let (vae, latents) = (try pipeline.vae(), try last.size.latents(of: last.loop.latents[0]))
            try run.deliverFrames(vae.config.frames(latents: last.size.frames)) { emit in
                try vae.decode(normalised: latents, tiling: tiling, emit)
            }
        }
    }
}

extension GenerationRequest {
    /// The noise levels of the second stage.
    fileprivate var secondSigmas: [Double] { extra["stage_2_sigmas"]?.items.compactMap(\.number) ?? [] }
}

extension Tensor {
    /// A mixture of clean latents and noise.
    ///
    /// - Parameters:
    ///   - level: the share of the noise; at 0 the latents are as they were
    ///   - noise: of the same shape
    fileprivate func noised(_ level: Double, _ noise: Tensor) throws(TensorError) -> Tensor {
        try noise * level + self * (1 - level)
    }
}

extension PixelBatch {
    /// An image as a frame of a compressed video, which the model was trained with; 0 leaves it as it is.
    fileprivate func compressed(crf: Double) throws -> PixelBatch {
        guard crf > 0, min(width, height) > 1 else { return self }
        let image = try Image(width: width, height: height, pixels: bytes).compressedByH264(crf: Int(crf))
        return PixelBatch(count: 1, height: image.height, width: image.width, bytes: image.pixels)
    }
}

extension FlowMatchEuler {
    /// The same method, which shifts no noise levels with the size of what is made.
    fileprivate var takingSigmasAsTheyAre: FlowMatchEuler {
        var config = config
        (config.useDynamicShifting, config.shiftTerminal) = (false, nil)
        return FlowMatchEuler(config)
    }
}
