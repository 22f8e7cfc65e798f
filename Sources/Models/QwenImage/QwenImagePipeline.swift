internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts to images.
// Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage.py.
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
        return [
            RunStage(memory.text, work.encode), RunStage.stepwise(memory.denoise, work.step),
            RunStage(memory.decode, work.decode),
        ]
    }
}

/// One request's images on their way.
final class QwenImageRun {
    private let pipeline: QwenImagePipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let grid: PatchGrid
    private let guidance: Guidance
    private let loop: DenoisingLoop
    private let steps: TransformerSteps<QwenImage.TransformerConfig, QwenImage.Transformer>
    /// One for each branch of guidance, until the first step.
    private var prompts: [QwenImageTextEncoder.Prompt] = []

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: QwenImagePipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        grid = pipeline.model.parts.grid(of: request)
        let scale = request.trueCFGScale
        let isGuided = scale > 1 && !request.negativePrompts.isEmpty
        guidance = Guidance(negative: isGuided ? scale : nil, keeping: .lengthOfTokens)
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
            let channels = pipeline.model.parts.vae.config.zDim
            let noise = try loop.drawNoise([1, channels, 2 * grid.rows, 2 * grid.columns])
            try loop.begin([grid.patches(noise.permuted(0, 2, 1, 3, 4))])
        }
        return try steps.step(of: loop, guidance, times: &times, inputs: inputs) { inputs, latents, step in
            let narrow = try latents[0].to(run.options.plan.dtype)
            for index in inputs.indices {
                (inputs[index].latents, inputs[index].timestep) = (narrow, step.timestep / 1000)
            }
        }
    }

    private func inputs(of transformer: QwenImage.Transformer) throws -> [QwenImage.Transformer.Input] {
        defer { prompts = [] }
        return try prompts.map { prompt in
            QwenImage.Transformer.Input(
                latents: loop.latents[0], prompt: prompt.states, textMask: prompt.mask, timestep: 0,
                rotary: try transformer.config.rotary(
                    textTokens: prompt.states.size(1), grid, on: run.options.plan.device))
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

    /// Decodes one image after the other: several at once would need more memory.
    private func images(of clean: Tensor) throws -> Tensor {
        let (vae, latents) = (try pipeline.vae(), try grid.latents(clean))
        var images: [Tensor] = []
        for index in 0..<latents.size(0) {
            try Task.checkCancellation()
            try vae.decode(normalised: latents.slice(index..<index + 1, axis: 0)) { frame in
                images.append(try frame.squeezed(2).to(.float32))
            }
        }
        return try concatenate(images, axis: 0)
    }
}
