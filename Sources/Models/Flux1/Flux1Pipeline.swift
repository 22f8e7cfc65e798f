internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts to pictures: two text encoders, the denoiser, the decoder.
// Source: diffusers 0.42.1, pipelines/flux/pipeline_flux.py.
struct Flux1Pipeline: Pipeline {
    private let components: Flux1.Parts
    private let text: Flux1TextEncoders
    private let transformer: Resident<Flux1.TransformerConfig, Flux1.Transformer>
    private let vae: Resident<AutoencoderKLConfig, AutoencoderKL>
    private let scheduler: FlowMatchEuler
    private let plan: ExecutionPlan
    private let residency: Residency
    private let weights: [String: Int]
    private let defaults: GenerationRequest
    private let stepCache: StepCacheSettings?

    /// Opens a model.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - plan: how it computes
    ///   - memoryLimit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Throws: any error of a bad checkpoint
    init(_ model: Flux1, plan: ExecutionPlan, memoryLimit: Int?) throws {
        components = model.parts
        let folder = try model.checkpoint.folder("scheduler", classes: ["FlowMatchEulerDiscreteScheduler"])
        scheduler = FlowMatchEuler(
            try FlowMatchEulerConfig.read(
                "\(folder)/scheduler_config.json", allowingUnknown: model.checkpoint.allowsUnknown
            ).0)
        text = try Flux1TextEncoders(model, plan: plan)
        transformer = Resident(components.transformer, plan: plan)
        vae = Resident(components.vae, plan: plan)
        self.plan = plan
        weights = try model.weights(plan)
        defaults = model.defaults
        stepCache = try model.stepCaches(plan.stepCache).first
        residency = Residency([text.encoder, text.encoder2, transformer, vae], limit: memoryLimit)
    }

    func prepare(observe: ProgressObserver) throws {
        let stages = Flux1.Stages(defaults, components, plan)
        try residency.prepare(for: MemoryForecast(weights: weights, stages: stages.all), observe: observe)
    }

    func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?, deliver: PixelReceiver
    ) throws -> StageTimes {
        let stages = Flux1.Stages(request, components, plan)
        let forecast = MemoryForecast(weights: weights, stages: stages.all)
        try residency.require(forecast)
        try stepCache?.check(request)
        let schedule = try schedule(request)
        var times = StageTimes()
        let (positive, negative) = try residency.during(stages.text, of: forecast, times: &times, observe: observe) {
            observe(.encodingText)
            return try timed(&$0.text) { try prompts(request, trace) }
        }
        try Task.checkCancellation()
        let clean = try residency.during(stages.denoise, of: forecast, times: &times, observe: observe) {
            try denoised(request, schedule, positive, negative, times: &$0, observe, trace)
        }
        let pixels = try residency.during(stages.decode, of: forecast, times: &times, observe: observe) {
            observe(.decoding)
            return try timed(&$0.decode) { try decoded(clean, request, trace) }
        }
        let shape = pixels.shape
        trace?.record("output", bytes: pixels.bytes, shape: [shape.count, shape.height, shape.width, 3])
        try deliver(pixels)
        return times
    }

    /// The prompts, and the negative ones if they are wanted.
    private func prompts(_ request: GenerationRequest, _ trace: Trace?) throws
        -> (positive: Flux1TextEncoders.Prompt, negative: Flux1TextEncoders.Prompt?)
    {
        (
            try text.encode(request, .positive, trace: trace),
            request.trueScale > 1 && !request.negativePrompts.isEmpty
                ? try text.encode(request, .negative, trace: trace) : nil
        )
    }

    /// Every step from noise to clean latents, packed.
    private func denoised(
        _ request: GenerationRequest, _ schedule: NoiseSchedule, _ positive: Flux1TextEncoders.Prompt,
        _ negative: Flux1TextEncoders.Prompt?, times: inout StageTimes, _ observe: @escaping ProgressObserver,
        _ trace: Trace?
    ) throws -> Tensor {
        let transformer = try transformer()
        let grid = grid(request)
        let source = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        let noise = try source.draw([transformer.config.inChannels / 4, 2 * grid.rows, 2 * grid.columns])
        try trace?.record("noise", noise)
        let rotary = try grid.rotary(
            textTokens: positive.prompt.size(1), widths: transformer.config.axesDimsRope, on: plan.device)
        let loop = DenoisingLoop(scheduler, schedule, noise: source, observe: observe, trace: trace)

        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.schedule.timesteps.count) { clean in
            PixelBatch(try PixelPart(pictures: pictures(of: clean, grid)))
        }

        let start = try grid.packed(noise).to(on: plan.device)
        var inputs = try [positive, negative].compactMap { $0 }.map { prompt in
            try transformer.prepared(
                Flux1.Transformer.Input(
                    latents: start, prompt: prompt.prompt, pooledPrompt: prompt.pooled, timestep: 0,
                    guidance: Float(request.guidanceScale ?? 1), rotary: rotary))
        }
        let predict = StepPredictor(transformer, stepCache, steps: 0..<schedule.timesteps.count)
        let clean = try loop.run(from: start, times: &times.denoise) { latents, timestep in
            let latents = try latents.to(plan.dtype)
            for index in inputs.indices {
                inputs[index].latents = latents
                // diffusers hands the model a fraction and multiplies again, which rounds.
                inputs[index].timestep = timestep / 1000 * 1000
            }
            return try guided(predict(inputs), scale: request.trueScale)
        }
        times.add(predict.report)
        return clean
    }

    private func decoded(_ clean: Tensor, _ request: GenerationRequest, _ trace: Trace?) throws -> PixelPart {
        let decoded = try pictures(of: clean, grid(request))
        try trace?.record("decoded", decoded)
        return try PixelPart(pictures: decoded)
    }

    /// Decodes one picture after the other: several at once would need more memory, and convolutions sum otherwise then.
    private func pictures(of clean: Tensor, _ grid: Flux1.Grid) throws -> Tensor {
        let latents = try grid.unpacked(clean)
        var pictures: [Tensor] = []
        for index in 0..<latents.size(0) {
            try Task.checkCancellation()
            pictures.append(try vae().decode(scaled: latents.slice(index..<index + 1, axis: 0)).to(.float32))
        }
        return try concatenate(pictures, axis: 0)
    }

    private func grid(_ request: GenerationRequest) -> Flux1.Grid {
        Flux1.Grid(request, scaleFactor: components.vae.config.scaleFactor)
    }

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    private func schedule(_ request: GenerationRequest) throws -> NoiseSchedule {
        let grid = grid(request)
        let steps = request.numInferenceSteps ?? 1
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        let schedule = scheduler.schedule(
            sigmas: sigmas ?? linspace(1, 1 / Double(steps), steps), mu: scheduler.mu(tokens: grid.rows * grid.columns))
        try scheduler.requireFinite(schedule, for: request)
        return schedule
    }
}

extension GenerationRequest {
    /// The scale of the classifier-free guidance with the negative prompt.
    fileprivate var trueScale: Double { extra["true_cfg_scale"]?.number ?? 1 }
}
