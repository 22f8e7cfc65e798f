internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images if there are any, to images.
// Source: diffusers 0.42.1, pipelines/flux2/pipeline_flux2.py and pipeline_flux2_klein.py.
struct Flux2Pipeline: PipelineStages {
    let model: Flux2
    let text: Flux2TextEncoder
    let transformer: Resident<Flux2.TransformerConfig, Flux2.Transformer>
    let vae: Resident<AutoencoderKLFlux2Config, AutoencoderKLFlux2>
    let scheduler: FlowMatchEuler

    init(_ model: Flux2, _ context: ComputeContext) throws {
        self.model = model
        scheduler = FlowMatchEuler(
            try model.checkpoint.config(
                "scheduler", file: "scheduler_config.json", classes: ["FlowMatchEulerDiscreteScheduler"]))
        text = try Flux2TextEncoder(model, context)
        transformer = Resident(model.parts.transformer, context)
        vae = Resident(model.parts.vae, context)
    }

    var components: [any ResidentComponent] { [text.encoder, transformer, vae] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = Flux2.Stages(request, model.parts, run.options)
        let work = try Flux2Run(self, request, run)
        let references = memory.references.map { [RunStage($0, work.encodeReferences)] } ?? []
        return [RunStage(memory.text, work.encode)] + references
            + [RunStage.stepwise(memory.denoise, work.step), RunStage(memory.decode, work.decode)]
    }
}

/// One request's images on their way.
final class Flux2Run {
    private let pipeline: Flux2Pipeline
    private let images: ImageRun
    private let grid: PatchGrid
    private let guidance: Guidance
    private let steps: TransformerSteps<Flux2.TransformerConfig, Flux2.Transformer>
    /// One for each branch of guidance, until the first step.
    private var prompts: [Tensor] = []
    private var references = Flux2References()

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: Flux2Pipeline, _ request: GenerationRequest, _ run: RunEnvironment) throws {
        self.pipeline = pipeline
        let grid = pipeline.model.parts.grid(OutputSize(request))
        self.grid = grid
        let isGuided = pipeline.model.parts.variant == .baseKlein && (request.guidanceScale ?? 1) > 1
        guidance = Guidance(negative: isGuided ? request.guidanceScale : nil)
        let mu = Flux2.empiricalMu(tokens: grid.tokens, steps: request.numInferenceSteps ?? 1)
        images = try ImageRun(request, run, pipeline.scheduler, mu: mu) { latents in
            let vae = try pipeline.vae()
            return try vae.decode(vae.latents(latents, grid))
        }
        steps = TransformerSteps(pipeline.transformer, steps: 0..<images.loop.count, run.stepCaches)
    }

    func encode(_ times: inout StageTimes) throws {
        prompts = try images.encode(guidance, &times) {
            try pipeline.text.encode(images.request, $0, trace: images.run.trace)
        }
    }

    func encodeReferences(_ times: inout StageTimes) throws {
        try timed(&times.text) {
            references = try Flux2References(
                images.request.images, pipeline.vae(), pipeline.model.parts, on: images.run.options.plan.device,
                images.run.trace)
        }
    }

    func step(_ times: inout StageTimes) throws -> Bool {
        let loop = images.loop
        if loop.latents.isEmpty {
            let noise = try loop.drawNoise([pipeline.transformer.component.config.inChannels, grid.rows, grid.columns])
            try loop.begin([noise.reshaped(noise.size(0), noise.size(1), grid.tokens).permuted(0, 2, 1).contiguous()])
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

    private func inputs(of transformer: Flux2.Transformer) throws -> [Flux2.Transformer.Input] {
        defer { (prompts, references.tokens) = ([], nil) }
        let plan = images.run.options.plan
        let rotary = try transformer.config.rotary(
            textTokens: prompts[0].size(1), [grid] + references.grids, on: plan.device)
        let seen = try references.tokens?.to(plan.dtype).expanded(images.request.outputCount, -1, -1)
        return prompts.map {
            Flux2.Transformer.Input(
                latents: images.loop.latents[0], references: seen, prompt: $0, timestep: 0,
                guidance: transformer.config.guidanceEmbeds ? Float(images.request.guidanceScale ?? 1) : nil,
                rotary: rotary)
        }
    }

    func decode(_ times: inout StageTimes) throws { try images.decode(&times) }
}

extension Flux2 {
    /// How far an image's size and the number of steps shift the noise levels: lines through measured points.
    ///
    /// - Parameters:
    ///   - tokens: of the image
    ///   - steps: how many
    /// - Returns: `mu` for the schedule
    // Source: diffusers 0.42.1, pipelines/flux2/pipeline_flux2.py, `compute_empirical_mu`.
    package static func empiricalMu(tokens: Int, steps: Int) -> Double {
        let atMost = 0.00016927 * Double(tokens) + 0.45666666
        if tokens > 4300 { return atMost }
        let atLeast = 8.73809524e-05 * Double(tokens) + 1.89833333
        // The first line is for 200 steps, the second for 10.
        let slope = (atMost - atLeast) / 190
        return slope * Double(steps) + (atMost - 200 * slope)
    }
}
