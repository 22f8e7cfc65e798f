internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and pictures for models that take some, to videos.
// Source: diffusers 0.42.1, pipelines/wan/pipeline_wan.py and pipeline_wan_i2v.py.
struct WanPipeline: Pipeline {
    private let components: Wan.Parts
    private let text: WanTextEncoder
    private let pictures: WanPictures
    private let transformer: Resident<Wan.TransformerConfig, Wan.Transformer>
    private let transformer2: Resident<Wan.TransformerConfig, Wan.Transformer>?
    private let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>
    private let scheduler: any Scheduler
    private let plan: ExecutionPlan
    private let residency: Residency
    private let weights: [String: Int]
    private let defaults: GenerationRequest
    /// One for each transformer, if any.
    private let stepCaches: [StepCacheSettings]

    /// Opens a model.
    ///
    /// - Parameters:
    ///   - model: the model
    ///   - plan: how it computes
    ///   - memoryLimit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Throws: any error of a bad checkpoint
    init(_ model: Wan, plan: ExecutionPlan, memoryLimit: Int?) throws {
        (components, scheduler) = (model.parts, model.scheduler)
        text = try WanTextEncoder(model, plan: plan)
        vae = Resident(components.vae, plan: plan.wide)
        pictures = try WanPictures(model, vae: vae, plan: plan.wide)
        transformer = Resident(components.transformer, plan: plan)
        transformer2 = components.transformer2.map { Resident($0, plan: plan) }
        self.plan = plan
        weights = try model.weights(plan)
        defaults = model.defaults
        stepCaches = try model.stepCaches(plan.stepCache)
        let parts: [(any ResidentComponent)?] = [text.encoder, pictures.encoder, vae, transformer, transformer2]
        residency = Residency(parts.compactMap { $0 }, limit: memoryLimit)
    }

    func prepare(observe: ProgressObserver) throws {
        let stages = Wan.Stages(defaults, components, Wan.Experts(defaults, components, scheduler), plan)
        try residency.prepare(for: MemoryForecast(weights: weights, stages: stages.all), observe: observe)
    }

    func generate(
        _ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?, deliver: PixelReceiver
    ) throws -> StageTimes {
        let experts = Wan.Experts(request, components, scheduler)
        try scheduler.requireFinite(experts.schedule, for: request)
        let stages = Wan.Stages(request, components, experts, plan)
        let forecast = MemoryForecast(weights: weights, stages: stages.all)
        try residency.require(forecast)
        try stepCaches.first?.check(request)
        var times = StageTimes()
        func during<Result>(_ stage: MemoryStage, _ body: (inout StageTimes) throws -> Result) throws -> Result {
            try Task.checkCancellation()
            return try residency.during(stage, of: forecast, times: &times, observe: observe, body)
        }

        var conditions = try during(stages.text) {
            observe(.encodingText)
            return try timed(&$0.text) { try prompts(request, trace) }
        }
        if let look = stages.look {
            conditions.image = try during(look) {
                try timed(&$0.text) { try pictures.encoded(request, plan.dtype, trace) }
            }
        }
        if let condition = stages.condition {
            conditions.latents = try during(condition) {
                try timed(&$0.text) { try pictures.condition(request, trace) }
            }
        }
        let source = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        let loop = DenoisingLoop(scheduler, experts.schedule, noise: source, observe: observe, trace: trace)
        loop.preview = DenoisingLoop.Preview(request.previews, of: experts.count) { [conditions] clean in
            try still(pinned(clean, conditions), request)
        }
        var latents = try noise(request, source, trace)
        if let denoise = stages.denoise {
            latents = try during(denoise) {
                let predict = StepPredictor(try transformer(), stepCaches.first, steps: 0..<experts.boundary)
                return try denoised(latents, predict, request.guidanceScale ?? 1, conditions, loop, &$0)
            }
        }
        if let denoise2 = stages.denoise2, let transformer2 {
            let scale = request.extra["guidance_scale_2"]?.number ?? request.guidanceScale ?? 1
            latents = try during(denoise2) {
                let predict = StepPredictor(
                    try transformer2(), stepCaches.last, steps: experts.boundary..<experts.count, number: 1)
                return try denoised(latents, predict, scale, conditions, loop, &$0)
            }
        }
        latents = try pinned(latents, conditions)
        try during(stages.decode) {
            observe(.decoding)
            try timed(&$0.decode) { try decode(latents, request, trace, deliver) }
        }
        return times
    }
}

extension WanPipeline {
    /// What the denoiser is told besides latents and timestep.
    private struct Conditions {
        /// The states of the prompts, and of the negative ones with guidance, `[outputs, tokens, width]`.
        let positive: Tensor
        let negative: Tensor?
        /// The states of the pictures.
        var image: Tensor?
        /// The pictures' latents.
        var latents: Tensor?
    }

    private func prompts(_ request: GenerationRequest, _ trace: Trace?) throws -> Conditions {
        let positive = try text.encode(request.prompts, for: request, as: "prompt_embeds", trace)
        guard let scale = request.guidanceScale, scale > 1 else { return Conditions(positive: positive, negative: nil) }
        let texts = request.negativePrompts.isEmpty ? [""] : request.negativePrompts
        return Conditions(
            positive: positive, negative: try text.encode(texts, for: request, as: "negative_prompt_embeds", trace))
    }

    private func noise(_ request: GenerationRequest, _ source: NoiseSource, _ trace: Trace?) throws -> Tensor {
        let config = components.vae.config
        let noise = try source.draw([
            config.zDim, config.latentFrames(request.numFrames ?? 1), (request.height ?? 0) / config.scaleFactor,
            (request.width ?? 0) / config.scaleFactor,
        ])
        try trace?.record("noise", noise)
        return try noise.to(on: plan.device)
    }

    /// The steps of one transformer.
    private func denoised(
        _ latents: Tensor, _ predict: StepPredictor<Wan.Transformer>, _ scale: Double, _ conditions: Conditions,
        _ loop: DenoisingLoop, _ times: inout StageTimes
    ) throws -> Tensor {
        let config = predict.transformer.config
        let grid = Wan.Grid(frames: latents.size(2), height: latents.size(3), width: latents.size(4), config)
        let rotary = try grid.rotary(headWidth: config.attentionHeadDim, on: plan.device)
        var inputs = try [conditions.positive, conditions.negative].compactMap { $0 }.map { prompt in
            try predict.transformer.prepared(
                Wan.Transformer.Input(
                    latents: latents, prompt: prompt, image: conditions.image, timesteps: [], rotary: rotary))
        }
        let clean = try loop.run(from: latents, to: predict.steps.upperBound, times: &times.denoise) {
            latents, timestep in
            let latents = try joined(latents, conditions)
            for index in inputs.indices {
                inputs[index].latents = latents
                inputs[index].timesteps = timesteps(timestep, frames: grid.frames, conditions)
            }
            return try guided(predict(inputs), scale: scale)
        }
        times.add(predict.report)
        return clean
    }

    /// The latents as the denoiser takes them.
    private func joined(_ latents: Tensor, _ conditions: Conditions) throws(TensorError) -> Tensor {
        guard components.conditioning == .channels, let condition = conditions.latents else {
            return try pinned(latents, conditions)
        }
        return try concatenate([latents, condition], axis: 1)
    }

    /// The latents with the picture as their first frame, for models and requests that have one.
    private func pinned(_ latents: Tensor, _ conditions: Conditions) throws(TensorError) -> Tensor {
        guard components.conditioning == .firstFrame, let first = conditions.latents else { return latents }
        return try concatenate([first, latents.slice(1..<latents.size(2), axis: 2)], axis: 2)
    }

    /// One time for all tokens; where a picture is the first frame that frame is clean, and has a time of its own.
    private func timesteps(_ timestep: Float, frames: Int, _ conditions: Conditions) -> [Float] {
        guard components.conditioning == .firstFrame, conditions.latents != nil else { return [timestep] }
        return [0] + Array(repeating: timestep, count: frames - 1)
    }

    /// A frame of the middle of each video: its latents decoded as if the video began there, which needs no others.
    private func still(_ latents: Tensor, _ request: GenerationRequest) throws -> PixelBatch {
        let middle = latents.size(2) / 2
        let latent = try latents.slice(middle..<middle + 1, axis: 2)
        var frames: [Tensor] = []
        try vae().decode(normalised: latent, tiling: Wan.tiling(of: request, components.vae.config)) {
            frames.append($0)
        }
        return PixelBatch(try PixelPart(pictures: concatenate(frames, axis: 2).squeezed(2)))
    }

    /// Decodes frame by frame and delivers each as it comes.
    private func decode(
        _ latents: Tensor, _ request: GenerationRequest, _ trace: Trace?, _ deliver: PixelReceiver
    ) throws {
        let count = components.vae.config.frames(latents: latents.size(2))
        let collector = PixelCollector()
        var decoded: [Tensor] = []
        var index = 0
        try vae().decode(normalised: latents, tiling: Wan.tiling(of: request, components.vae.config)) { frame in
            try Task.checkCancellation()
            let part = try PixelPart(frames: frame, from: index, of: count)
            index += 1
            if trace != nil {
                decoded.append(try frame.to(.float32))
                collector.add(part)
            }
            try deliver(part)
        }
        guard let trace, let pixels = collector.pixels else { return }
        try trace.record("decoded", concatenate(decoded, axis: 2))
        let shape = pixels.shape
        trace.record("output", bytes: pixels.bytes, shape: [shape.count, count, shape.height, shape.width, 3])
    }
}
