internal import Diffusion
internal import Layers
internal import Tensors

/// One request's images on their way.
final class ImageRun<Family: ImageFamily> {
    private typealias Parts = Family.Parts
    private let pipeline: ImagePipeline<Family>
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let guidance: Guidance
    private let loop: DenoisingLoop
    private let steps: TransformerSteps<Parts.Denoiser.Config, Parts.Denoiser>
    private let images: [ImageReference]
    /// Of the image, then of each reference image.
    private let grids: [PatchGrid]
    /// One for each branch of guidance, until the first step.
    private var prompts: [Family.TextEncoder.Prompt] = []
    /// The latents of the reference images, one after the other, `[1, tokens, channels]` in 32-bit floats; nil for none,
    /// and from the first step on.
    private var references: Tensor?

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: ImagePipeline<Family>, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        let (model, scheduler) = (pipeline.model, pipeline.scheduler)
        (guidance, images) = (model.guidance(of: request), model.references(of: request))
        grids = ([OutputSize(request)] + images.map(\.kept)).map(model.parts.grid)
        let count = request.numInferenceSteps ?? 1
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        let schedule = scheduler.schedule(
            sigmas: sigmas ?? linspace(1, 1 / Double(count), count),
            mu: model.mu(request, tokens: grids[0].tokens, scheduler))
        loop = try DenoisingLoop(scheduler, schedule, for: request, run)
        steps = TransformerSteps(pipeline.transformer, steps: 0..<loop.count, run.stepCaches)
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            PixelBatch(try PixelPart(images: decoded(clean)))
        }
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        prompts = try timed(&times.text) { try pipeline.text.encode(request, guidance.branches, run.trace) }
    }

    func encodeReferences(_ times: inout StageTimes) throws {
        try timed(&times.text) {
            let (vae, device) = (try pipeline.vae(), run.options.plan.device)
            var encoded: [Tensor] = []
            for (image, grid) in zip(images, grids.dropFirst()) {
                try run.context.checkCancellationAlone()
                encoded.append(try vae.tokens(of: image.pixels(on: device), grid))
            }
            let tokens = try concatenate(encoded, axis: 1)
            try run.trace?.record("image_latents", tokens)
            references = tokens
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        if loop.latents.isEmpty { try loop.begin([pipeline.model.noise(grids[0]) { try loop.drawNoise($0) }]) }
        return try steps.step(of: loop, [guidance], times: &times, inputs: inputs) { inputs, latents, step in
            let narrow = try latents[0].to(run.options.plan.dtype)
            for index in inputs.indices {
                inputs[index].latents = narrow
                inputs[index].timestep = Self.counted(step.timestep)
            }
        }
    }

    private func inputs(of transformer: Parts.Denoiser) throws -> [Parts.Denoiser.Input] {
        defer { (prompts, references) = ([], nil) }
        let plan = run.options.plan
        let seen = try references?.to(plan.dtype).expanded(request.outputCount, -1, -1)
        return try Family.inputs(
            of: transformer,
            ImageConditions(
                request: request, latents: loop.latents[0], references: seen, grids: grids, prompts: prompts,
                timesteps: loop.schedule.timesteps.map(Self.counted), device: plan.device))
    }

    /// A timestep as the transformer counts: diffusers hands it a fraction, and some models multiply again, which rounds.
    private static func counted(_ timestep: Float) -> Float { timestep / 1000 * Family.noiseTimestep }

    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        let pixels = try timed(&times.decode) {
            let images = try decoded(loop.latents[0])
            try run.trace?.record("decoded", images)
            return try PixelPart(images: images)
        }
        let shape = pixels.shape
        run.trace?.record("output", bytes: pixels.bytes, shape: [shape.count, shape.height, shape.width, 3])
        try run.deliver(.pixels(pixels))
    }

    /// Decodes one image after the other: several at once would need more memory, and convolutions sum otherwise then.
    private func decoded(_ clean: Tensor) throws -> Tensor {
        var images: [Tensor] = []
        for index in 0..<clean.size(0) {
            try run.context.checkCancellationAlone()
            let tokens = try clean.slice(index..<index + 1, axis: 0)
            images.append(try pipeline.vae().pixels(of: tokens, grids[0]).to(.float32))
        }
        return try concatenate(images, axis: 0)
    }
}
