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
        scheduler = FlowMatchEuler(
            try model.checkpoint.config(
                "scheduler", file: "scheduler_config.json", classes: ["FlowMatchEulerDiscreteScheduler"]))
        text = try Flux1TextEncoders(model, context)
        transformer = Resident(model.parts.transformer, context)
        vae = Resident(model.parts.vae, context)
    }

    var components: [any ResidentComponent] { [text.clip.encoder, text.t5.encoder, transformer, vae] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = Flux1.Stages(request, model.parts, run.options)
        let work = try Flux1Run(self, request, run)
        return [
            RunStage(memory.text, work.encode), RunStage.stepwise(memory.denoise, work.step),
            RunStage(memory.decode, work.decode),
        ]
    }
}

/// One request's images on their way.
final class Flux1Run {
    private let pipeline: Flux1Pipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let grid: PatchGrid
    private let guidance: Guidance
    private let loop: DenoisingLoop
    private let steps: TransformerSteps<Flux1.TransformerConfig, Flux1.Transformer>
    /// One for each branch of guidance, until the first step.
    private var prompts: [Flux1TextEncoders.Prompt] = []

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: Flux1Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        grid = pipeline.model.parts.grid(of: request)
        let scale = request.extra["true_cfg_scale"]?.number ?? 1
        guidance = Guidance(negative: scale > 1 && !request.negativePrompts.isEmpty ? scale : nil)
        let (scheduler, count) = (pipeline.scheduler, request.numInferenceSteps ?? 1)
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        let schedule = scheduler.schedule(
            sigmas: sigmas ?? linspace(1, 1 / Double(count), count), mu: scheduler.mu(tokens: grid.tokens))
        loop = try DenoisingLoop(scheduler, schedule, for: request, run)
        steps = TransformerSteps(pipeline.transformer, steps: 0..<loop.count, run.stepCaches)
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            PixelBatch(try PixelPart(images: images(of: clean)))
        }
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        try timed(&times.text) {
            prompts = try guidance.branches.map { try pipeline.text.encode(request, $0, trace: run.trace) }
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        if loop.latents.isEmpty {
            let channels = pipeline.model.parts.vae.config.latentChannels
            let noise = try loop.drawNoise([channels, 2 * grid.rows, 2 * grid.columns])
            try loop.begin([grid.patches(noise.unsqueezed(2))])
        }
        return try steps.step(of: loop, guidance, times: &times, inputs: inputs) { inputs, latents, step in
            let narrow = try latents[0].to(run.options.plan.dtype)
            for index in inputs.indices {
                inputs[index].latents = narrow
                // diffusers hands the model a fraction and multiplies again, which rounds.
                inputs[index].timestep = step.timestep / 1000 * 1000
            }
        }
    }

    private func inputs(of transformer: Flux1.Transformer) throws -> [Flux1.Transformer.Input] {
        defer { prompts = [] }
        let rotary = try grid.rotary(
            after: prompts[0].prompt.size(1), widths: transformer.config.axesDimsRope, on: run.options.plan.device)
        return prompts.map {
            Flux1.Transformer.Input(
                latents: loop.latents[0], prompt: $0.prompt, pooledPrompt: $0.pooled, timestep: 0,
                guidance: Float(request.guidanceScale ?? 1), rotary: rotary)
        }
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
        let latents = try grid.latents(clean).squeezed(2)
        var images: [Tensor] = []
        for index in 0..<latents.size(0) {
            try Task.checkCancellation()
            images.append(try pipeline.vae().decode(scaled: latents.slice(index..<index + 1, axis: 0)).to(.float32))
        }
        return try concatenate(images, axis: 0)
    }
}
