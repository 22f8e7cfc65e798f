internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts to images.
// Source: diffusers 0.42.1, pipelines/flux/pipeline_flux.py.
struct Flux1Pipeline: PipelineStages {
    let model: Flux1
    let text: Flux1TextEncoders
    let transformer: Resident<Flux1.TransformerConfig, Flux1.Transformer>
    let vae: Resident<AutoencoderKLConfig, AutoencoderKL>
    let scheduler: FlowMatchEuler

    init(_ model: Flux1, _ context: ComputeContext) throws {
        self.model = model
        let folder = try model.checkpoint.folder("scheduler", classes: ["FlowMatchEulerDiscreteScheduler"])
        scheduler = FlowMatchEuler(
            try FlowMatchEulerConfig.read(
                "\(folder)/scheduler_config.json", allowingUnknown: model.checkpoint.allowsUnknown
            ).0)
        text = try Flux1TextEncoders(model, context)
        transformer = Resident(model.parts.transformer, context)
        vae = Resident(model.parts.vae, context)
    }

    var components: [any ResidentComponent] { [text.encoder, text.encoder2, transformer, vae] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = Flux1.Stages(request, model.parts, run.options)
        let work = try Flux1Run(self, request, run)
        return [
            RunStage(memory.text, work.encode), RunStage(memory.denoise, steps: work.step),
            RunStage(memory.decode, work.decode),
        ]
    }
}

/// One request's images on their way.
final class Flux1Run {
    private let pipeline: Flux1Pipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let grid: Flux1.Grid
    private let guidance: Guidance
    private let noise: NoiseSource
    private let loop: DenoisingLoop
    private var prompts: [Flux1TextEncoders.Prompt] = []
    /// One for each branch of guidance.
    private var inputs: [Flux1.Transformer.Input] = []
    private var predict: StepPredictor<Flux1.Transformer>?

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: Flux1Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        grid = Flux1.Grid(request, scaleFactor: pipeline.model.parts.vae.config.scaleFactor)
        let scale = request.extra["true_cfg_scale"]?.number ?? 1
        guidance = .classifierFree(scale > 1 && !request.negativePrompts.isEmpty ? scale : nil)
        noise = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        let (scheduler, steps) = (pipeline.scheduler, request.numInferenceSteps ?? 1)
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        let schedule = scheduler.schedule(
            sigmas: sigmas ?? linspace(1, 1 / Double(steps), steps), mu: scheduler.mu(tokens: grid.rows * grid.columns))
        try scheduler.requireFinite(schedule, for: request)
        loop = DenoisingLoop(scheduler, schedule, noise: noise, run)
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        try timed(&times.text) {
            prompts = try guidance.branches.map { try pipeline.text.encode(request, $0, trace: run.trace) }
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        let predict = try predict ?? begin()
        try loop.step(times: &times.denoise) { latents, step in
            let narrow = try latents[0].to(run.options.plan.dtype)
            for index in inputs.indices {
                inputs[index].latents = narrow
                // diffusers hands the model a fraction and multiplies again, which rounds.
                inputs[index].timestep = step.timestep / 1000 * 1000
            }
            return [try guidance(predict(inputs).map { $0[0] }, latents: latents[0], sigma: step.sigma)]
        }
        if loop.index < loop.count { return true }
        times.add(predict.report)
        (self.predict, inputs, prompts) = (nil, [], [])
        return false
    }

    private func begin() throws -> StepPredictor<Flux1.Transformer> {
        let (transformer, device) = (try pipeline.transformer(), run.options.plan.device)
        let config = transformer.config
        let drawn = try noise.draw([config.inChannels / 4, 2 * grid.rows, 2 * grid.columns])
        try run.trace?.record("noise", drawn)
        let start = try grid.packed(drawn).to(on: device)
        let rotary = try grid.rotary(textTokens: prompts[0].prompt.size(1), widths: config.axesDimsRope, on: device)
        inputs = try prompts.map { prompt in
            try transformer.prepared(
                Flux1.Transformer.Input(
                    latents: start, prompt: prompt.prompt, pooledPrompt: prompt.pooled, timestep: 0,
                    guidance: Float(request.guidanceScale ?? 1), rotary: rotary))
        }
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            PixelBatch(try PixelPart(images: images(of: clean)))
        }
        try loop.begin([start])
        let predict = StepPredictor(transformer, run.stepCaches.first, steps: 0..<loop.count)
        self.predict = predict
        return predict
    }

    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        let pixels = try timed(&times.decode) {
            let decoded = try images(of: loop.latents[0])
            try run.trace?.record("decoded", decoded)
            return try PixelPart(images: decoded)
        }
        let shape = pixels.shape
        run.trace?.record("output", bytes: pixels.bytes, shape: [shape.count, shape.height, shape.width, 3])
        try run.deliver(.pixels(pixels))
    }

    /// Decodes one image after the other: several at once would need more memory, and convolutions sum otherwise then.
    private func images(of clean: Tensor) throws -> Tensor {
        let latents = try grid.unpacked(clean)
        var images: [Tensor] = []
        for index in 0..<latents.size(0) {
            try Task.checkCancellation()
            images.append(try pipeline.vae().decode(scaled: latents.slice(index..<index + 1, axis: 0)).to(.float32))
        }
        return try concatenate(images, axis: 0)
    }
}
