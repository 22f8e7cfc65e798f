internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images if they are to be changed, to images.
// Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage.py and pipeline_qwenimage_edit_plus.py.
struct QwenImagePipeline: PipelineStages {
    let model: QwenImage
    let text: QwenImageTextEncoder
    let transformer: Resident<QwenImage.TransformerConfig, QwenImage.Transformer>
    let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>
    let scheduler: FlowMatchEuler

    init(_ model: QwenImage, _ context: ComputeContext) throws {
        self.model = model
        scheduler = FlowMatchEuler(
            try model.checkpoint.config(
                "scheduler", file: "scheduler_config.json", classes: ["FlowMatchEulerDiscreteScheduler"]))
        text = try QwenImageTextEncoder(model, context)
        transformer = Resident(model.parts.transformer, context)
        vae = Resident(model.parts.vae, context)
    }

    var components: [any ResidentComponent] { [text.encoder, transformer, vae] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = QwenImage.Stages(request, model.parts, run.options)
        let work = try QwenImageRun(self, request, run)
        let references = memory.references.map { [RunStage($0, work.encodeReferences)] } ?? []
        return [RunStage(memory.text, work.encode)] + references
            + [RunStage.stepwise(memory.denoise, work.step), RunStage(memory.decode, work.decode)]
    }
}

/// One request's images on their way.
final class QwenImageRun {
    private let pipeline: QwenImagePipeline
    private let images: ImageRun
    private let grid: PatchGrid
    private let guidance: Guidance
    private let steps: TransformerSteps<QwenImage.TransformerConfig, QwenImage.Transformer>
    /// One for each branch of guidance, until the first step.
    private var prompts: [QwenImageTextEncoder.Prompt] = []
    private var references = QwenImageReferences()

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: QwenImagePipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        self.pipeline = pipeline
        let grid = pipeline.model.parts.grid(OutputSize(request))
        self.grid = grid
        let scale = request.trueCFGScale
        let isGuided = scale > 1 && !request.negativePrompts.isEmpty
        guidance = Guidance(negative: isGuided ? scale : nil, keeping: .lengthOfTokens)
        let scheduler = pipeline.scheduler
        images = try ImageRun(request, run, scheduler, mu: scheduler.mu(tokens: grid.tokens)) { latents in
            try pipeline.vae().image(normalised: grid.latents(latents))
        }
        steps = TransformerSteps(pipeline.transformer, steps: 0..<images.loop.count, run.stepCaches)
    }

    func encode(_ times: inout StageTimes) throws {
        let (request, trace) = (images.request, images.run.trace)
        // Every branch sees the same images.
        var seen: [Tensor]?
        prompts = try images.encode(guidance, &times) { branch in
            let looked = try seen ?? pipeline.text.look(at: request, trace: trace)
            seen = looked
            return try pipeline.text.encode(request, branch, looked, trace: trace)
        }
    }

    func encodeReferences(_ times: inout StageTimes) throws {
        try timed(&times.text) {
            references = try QwenImageReferences(
                images.request, pipeline.vae(), pipeline.model.parts, on: images.run.options.plan.device,
                images.run.trace)
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        let loop = images.loop
        if loop.latents.isEmpty {
            let channels = pipeline.model.parts.vae.config.zDim
            let noise = try loop.drawNoise([1, channels, 2 * grid.rows, 2 * grid.columns])
            try loop.begin([grid.patches(noise.permuted(0, 2, 1, 3, 4))])
        }
        return try steps.step(of: loop, guidance, times: &times, inputs: inputs) { inputs, latents, step in
            let narrow = try images.narrowed(latents)
            for index in inputs.indices {
                (inputs[index].latents, inputs[index].timestep) = (narrow, step.timestep / 1000)
            }
        }
    }

    private func inputs(of transformer: QwenImage.Transformer) throws -> [QwenImage.Transformer.Input] {
        defer { (prompts, references.tokens) = ([], nil) }
        let plan = images.run.options.plan
        let seen = try references.tokens?.to(plan.dtype).expanded(images.request.outputCount, -1, -1)
        let timesteps = images.loop.schedule.timesteps.map { $0 / 1000 }
        let modulations = QwenImage.Transformer.Modulations(of: timesteps)
        return try prompts.map { prompt in
            QwenImage.Transformer.Input(
                latents: images.loop.latents[0], references: seen, prompt: prompt.states, textMask: prompt.mask,
                timestep: 0,
                rotary: try transformer.config.rotary(
                    textTokens: prompt.states.size(1), [grid] + references.grids, on: plan.device),
                modulations: modulations)
        }
    }

    func decode(_ times: inout StageTimes) throws { try images.decode(&times) }
}
