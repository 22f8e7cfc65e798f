internal import Diffusion
internal import Layers
internal import Tensors

/// One stage of a request's steps from noise to clean latents, of video and sound.
final class LTX2Denoising {
    /// What video and sound attend to, `[outputs, tokens, width]` each.
    typealias Prompt = (video: Tensor, audio: Tensor)

    let size: LTX2.LatentSize
    let loop: DenoisingLoop
    let guidance: LTX2.StreamGuidance
    private let request: GenerationRequest
    private let steps: TransformerSteps<LTX2.TransformerConfig, LTX2.Transformer>
    /// The first latent frame, where it is known.
    private var held: HeldTokens?

    /// - Parameters:
    ///   - size: of the latents
    ///   - guidance: how predictions are steered
    ///   - loop: all steps
    ///   - steps: the same, with what predicts
    ///   - request: a resolved request
    init(
        _ size: LTX2.LatentSize, _ guidance: LTX2.StreamGuidance, _ loop: DenoisingLoop,
        _ steps: TransformerSteps<LTX2.TransformerConfig, LTX2.Transformer>, _ request: GenerationRequest
    ) {
        (self.size, self.guidance, self.loop, self.steps, self.request) = (size, guidance, loop, steps, request)
    }

    /// Whether the latents are in place.
    var hasBegun: Bool { !loop.latents.isEmpty }

    /// Puts the latents in place.
    ///
    /// - Parameters:
    ///   - video: `[outputs, tokens, channels]`
    ///   - audio: `[outputs, length, channels]`
    ///   - held: the first latent frame; nil where nothing is known of it
    func begin(_ video: Tensor, _ audio: Tensor, holding held: HeldTokens? = nil) throws(TensorError) {
        self.held = held
        try loop.begin([video, audio], holding: held)
    }

    /// Takes one step.
    ///
    /// - Parameters:
    ///   - times: where the step's time is added
    ///   - prompts: by the branches of guidance that need their own; asked for before the first step
    /// - Returns: whether more are to come
    /// - Throws: as ``TransformerSteps``
    func step(_ times: inout StageTimes, _ prompts: () -> [Guidance.Branch: Prompt]) throws -> Bool {
        try steps.step(
            of: loop, guidance.streams, where: guidance.guides, times: &times,
            inputs: { try inputs(of: $0, prompts()) },
            update: { inputs, latents, step in
                // The more a frame is held, the less noise it has.
                let levels =
                    held.map { held in
                        [step.timestep * (1 - Float(held.strength))]
                            + Array(repeating: step.timestep, count: size.frames - 1)
                    } ?? [step.timestep]
                for index in inputs.indices {
                    (inputs[index].video, inputs[index].audio) = (latents[0], latents[1])
                    (inputs[index].timesteps, inputs[index].timestep) = (levels, step.timestep)
                }
            })
    }

    private func inputs(of transformer: LTX2.Transformer, _ prompts: [Guidance.Branch: Prompt]) throws
        -> [LTX2.Transformer.Input]
    {
        guard let positive = prompts[.positive] else { return [] }
        var input = LTX2.Transformer.Input(
            video: loop.latents[0], audio: loop.latents[1], videoText: positive.video, audioText: positive.audio,
            size: [size.frames, size.rows, size.columns],
            rate: (request.frameRate ?? 1) / (request.extra["motion_speed"]?.number ?? 1), timesteps: [], timestep: 0)
        input.sharesTimesteps = request.extra["use_cross_timestep"]?.flag ?? true
        // What the branches have in common is prepared once.
        input = try transformer.prepared(input)
        return guidance.streams[0].branches.map { branch in
            var own = input
            switch branch {
            case .positive: break
            case .negative: if let negative = prompts[.negative] { (own.videoText, own.audioText) = negative }
            case .perturbed: own.perturbedBlocks = guidance.perturbedBlocks
            case .isolated: own.isIsolated = true
            }
            return own
        }
    }
}
