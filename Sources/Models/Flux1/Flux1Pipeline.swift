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
    private let images: ImageRun
    private let grid: PatchGrid
    private let guidance: Guidance
    private let steps: TransformerSteps<Flux1.TransformerConfig, Flux1.Transformer>
    /// One for each branch of guidance, until the first step.
    private var prompts: [Flux1TextEncoders.Prompt] = []

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: Flux1Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        self.pipeline = pipeline
        let grid = pipeline.model.parts.grid(of: request)
        self.grid = grid
        let scale = request.extra["true_cfg_scale"]?.number ?? 1
        guidance = Guidance(negative: scale > 1 && !request.negativePrompts.isEmpty ? scale : nil)
        let scheduler = pipeline.scheduler
        images = try ImageRun(request, run, scheduler, mu: scheduler.mu(tokens: grid.tokens)) { latents in
            try pipeline.vae().decode(scaled: grid.latents(latents).squeezed(2))
        }
        steps = TransformerSteps(pipeline.transformer, steps: 0..<images.loop.count, run.stepCaches)
    }

    func encode(_ times: inout StageTimes) throws {
        prompts = try images.encode(guidance, &times) {
            try pipeline.text.encode(images.request, $0, trace: images.run.trace)
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        let loop = images.loop
        if loop.latents.isEmpty {
            let channels = pipeline.model.parts.vae.config.latentChannels
            let noise = try loop.drawNoise([channels, 2 * grid.rows, 2 * grid.columns])
            try loop.begin([grid.patches(noise.unsqueezed(2))])
        }
        return try steps.step(of: loop, guidance, times: &times, inputs: inputs) { inputs, latents, step in
            let narrow = try images.narrowed(latents)
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
            after: prompts[0].prompt.size(1), widths: transformer.config.axesDimsRope,
            on: images.run.options.plan.device)
        return prompts.map {
            Flux1.Transformer.Input(
                latents: images.loop.latents[0], prompt: $0.prompt, pooledPrompt: $0.pooled, timestep: 0,
                guidance: Float(images.request.guidanceScale ?? 1), rotary: rotary)
        }
    }

    func decode(_ times: inout StageTimes) throws { try images.decode(&times) }
}
