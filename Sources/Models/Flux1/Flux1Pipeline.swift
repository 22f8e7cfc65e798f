internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts to pictures: two text encoders, the denoiser, the decoder.
// Source: diffusers 0.42.1, pipelines/flux/pipeline_flux.py.
struct Flux1Pipeline: Pipeline {
    private let text: Flux1TextEncoders
    private let transformer: Flux1.Transformer
    private let vae: AutoencoderKL
    private let scheduler: FlowMatchEuler
    private let plan: ExecutionPlan

    /// Loads every component.
    ///
    /// - Parameters:
    ///   - checkpoint: the model
    ///   - plan: how it computes
    ///   - observe: told of each component
    /// - Throws: any error of a bad checkpoint
    init(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, observe: ProgressObserver) throws {
        let components = try Flux1.Components(checkpoint)
        let folder = try checkpoint.folder("scheduler", classes: ["FlowMatchEulerDiscreteScheduler"])
        scheduler = FlowMatchEuler(
            try FlowMatchEulerConfig.read(
                "\(folder)/scheduler_config.json", allowingUnknown: checkpoint.allowsUnknownConfig
            ).0)
        text = try Flux1TextEncoders(checkpoint, components, plan: plan, observe: observe)
        observe(.loading(components.transformer.name))
        transformer = try components.transformer.load(plan)
        observe(.loading(components.vae.name))
        vae = try components.vae.load(plan)
        self.plan = plan
    }

    func generate(_ request: GenerationRequest, observe: @escaping ProgressObserver, trace: Trace?) throws
        -> (pixels: PixelBatch, times: StageTimes)
    {
        var times = StageTimes()
        let scale = request.extra["true_cfg_scale"]?.number ?? 1
        observe(.encodingText)
        let (positive, negative) = try timed(&times.text) {
            (
                try text.encode(request, .positive, trace: trace),
                scale > 1 && !request.negativePrompts.isEmpty
                    ? try text.encode(request, .negative, trace: trace) : nil
            )
        }
        try Task.checkCancellation()

        let grid = Flux1.Grid(request, scaleFactor: vae.config.scaleFactor)
        let source = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        let noise = try source.draw([transformer.config.inChannels / 4, 2 * grid.rows, 2 * grid.columns])
        try trace?.record("noise", noise)
        let rotary = try grid.rotary(
            textTokens: positive.prompt.size(1), widths: transformer.config.axesDimsRope, on: plan.device)
        let loop = DenoisingLoop(
            scheduler, schedule(request, tokens: grid.rows * grid.columns), noise: source, observe: observe,
            trace: trace)

        let guidance = Float(request.guidanceScale ?? 1)
        func predict(_ latents: Tensor, _ timestep: Float, _ prompt: Flux1TextEncoders.Prompt) throws -> Tensor {
            try transformer(
                Flux1.Transformer.Input(
                    latents: latents.to(plan.dtype), prompt: prompt.prompt, pooledPrompt: prompt.pooled,
                    // diffusers hands the model a fraction and multiplies again, which rounds.
                    timestep: timestep / 1000 * 1000, guidance: guidance, rotary: rotary))
        }
        let clean = try loop.run(from: grid.packed(noise).to(on: plan.device), times: &times.denoise) {
            let prediction = try predict($0, $1, positive).to(.float32)
            guard let negative else { return prediction }
            return try classifierFreeGuidance(
                positive: prediction, negative: predict($0, $1, negative).to(.float32), scale: scale)
        }

        observe(.decoding)
        let pixels = try timed(&times.decode) {
            let decoded = try vae.decode(scaled: grid.unpacked(clean)).to(.float32)
            try trace?.record("decoded", decoded)
            return try PixelBatch(decoded)
        }
        trace?.record("output", bytes: pixels.bytes, shape: [pixels.count, pixels.height, pixels.width, 3])
        return (pixels, times)
    }

    private func schedule(_ request: GenerationRequest, tokens: Int) -> NoiseSchedule {
        let steps = request.numInferenceSteps ?? 1
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        return scheduler.schedule(
            sigmas: sigmas ?? linspace(1, 1 / Double(steps), steps), mu: scheduler.mu(tokens: tokens))
    }
}
