internal import Diffusion
internal import Layers
internal import Tensors

/// One request's videos or images and their sound on their way.
final class Cosmos3Run {
    private let pipeline: Cosmos3Pipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let loop: DenoisingLoop
    private let steps: TransformerSteps<Cosmos3.TransformerConfig, Cosmos3.Transformer>
    private let guidance: Guidance
    private var prompts: [Guidance.Branch: [Cosmos3.Prompt]]
    /// Of the image, `[1, channels, 1, rows, columns]`; nil without.
    private var firstFrame: Tensor?

    /// - Throws: ``InvalidRequest`` for a prompt that is too long, or where the scheduler's config makes no finite noise levels
    ///   of the request's
    init(_ pipeline: Cosmos3Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        let (scheduler, schedule) = try pipeline.model.parts.sampling.schedule(of: request)
        loop = try DenoisingLoop(scheduler, schedule, for: request, run)
        steps = TransformerSteps(pipeline.transformer, steps: 0..<loop.count, run.stepCaches)
        guidance = Guidance(negative: request.guidanceScale.flatMap { $0 == 1 ? nil : $0 })
        prompts = try pipeline.reader.prompts(of: request, guidance.branches, run.trace)
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] in try still($0) }
    }

    /// Encodes the image as all frames of a video, of which the first latent frame is held: that of the first frame alone, as
    /// the encoder is causal.
    func condition(_ times: inout StageTimes) throws {
        guard let image = request.images.first else { return }
        try timed(&times.text) {
            let (height, width) = (request.height ?? 1, request.width ?? 1)
            let pixels = image.pixels.covering(height: height, width: width)
            let frame = try Tensor(image: pixels, on: run.options.plan.device)
            try run.trace?.record("image", frame)
            let vae = try pipeline.vae()
            firstFrame = try vae.normalised(vae.encode(frame.unsqueezed(2)))
        }
    }

    /// Lets the text tower read the prompts.
    func read(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        try timed(&times.text) {
            let transformer = try pipeline.transformer()
            for prompt in guidance.branches.flatMap({ prompts[$0] ?? [] }) {
                try run.context.checkCancellationAlone()
                try transformer.read(prompt)
            }
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        if loop.latents.isEmpty { try begin() }
        let guidance = loop.latents.map { _ in self.guidance }
        return try steps.step(
            of: loop, guidance, where: guides, times: &times, inputs: { try inputs(of: $0) },
            update: { inputs, latents, step in
                for index in inputs.indices {
                    (inputs[index].video, inputs[index].sound) = (latents[0], latents.dropFirst().first)
                    inputs[index].timestep = step.timestep
                }
            })
    }

    /// The video's noise comes before the sound's.
    private func begin() throws {
        let parts = pipeline.model.parts
        let (vae, sound) = (parts.vae.config, parts.soundFrames(of: request))
        var video = try loop.drawNoise([vae.zDim] + vae.latentSize(OutputSize(request)))
        if let firstFrame {
            let first = try firstFrame.expanded(request.outputCount, -1, -1, -1, -1)
            video = try concatenate([first, video.slice(1..<video.size(2), axis: 2)], axis: 2)
        }
        let channels = parts.transformer.config.soundDim ?? 0
        let latents = sound > 0 ? [video, try loop.drawNoise([channels, sound], number: 1)] : [video]
        try loop.begin(latents, restoring: firstFrame == nil ? 0 : 1)
    }

    private func inputs(of transformer: Cosmos3.Transformer) throws -> [Cosmos3.Transformer.Input] {
        let latents = loop.latents
        return guidance.branches.map { branch in
            var input = Cosmos3.Transformer.Input(
                video: latents[0], sound: latents.dropFirst().first, prompts: prompts[branch] ?? [],
                rate: request.frameRate ?? 1, timestep: 0)
            input.temporalFactor = pipeline.model.parts.vae.config.temporalFactor
            input.heldFrames = firstFrame == nil ? 0 : 1
            return input
        }
    }

    /// Whether a step is guided: its timestep lies within the request's interval.
    private func guides(_ step: Int) -> Bool {
        let ends = request.extra["guidance_interval"]?.items.compactMap(\.number) ?? []
        guard ends.count == 2 else { return true }
        let timestep = Double(loop.schedule.timesteps[step])
        return ends[0] < timestep && timestep < ends[1]
    }
}

extension Cosmos3Run {
    private var tiling: VideoTiling? { pipeline.model.parts.tiling(of: request) }

    /// A frame of the middle of each video: its latents decoded as if the video began there, which needs no others.
    private func still(_ latents: Tensor) throws -> PixelBatch {
        let middle = latents.size(2) / 2
        let image = try pipeline.vae().image(normalised: latents.slice(middle..<middle + 1, axis: 2), tiling: tiling)
        return PixelBatch(try PixelPart(images: image))
    }

    /// Decodes the sound and delivers it, whole.
    func decodeSound(_ times: inout StageTimes) throws {
        guard let tokenizer = try pipeline.soundTokenizer?(), loop.latents.count > 1 else { return }
        run.observe(.decoding)
        try timed(&times.decode) {
            let waves = try tokenizer.decode(loop.latents[1]).to(.float32)
            try run.trace?.record("audio", waves)
            let shape = SoundShape(
                count: waves.size(0), channels: waves.size(1), samples: waves.size(2),
                rate: tokenizer.config.samplingRate)
            try run.deliver(.sound(SoundPart(shape, samples: waves.floats())))
        }
    }

    /// Decodes frame by frame and delivers each as it comes.
    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        prompts = [:]
        try timed(&times.decode) {
            let (vae, latents) = (try pipeline.vae(), loop.latents[0])
            try run.deliverFrames(vae.config.frames(latents: latents.size(2))) { emit in
                try vae.decode(normalised: latents, tiling: tiling, emit)
            }
        }
    }
}
