internal import Diffusion

/// How long the stages of one prompt's generation took, in seconds.
public struct VisualGenMetrics: Sendable, Equatable {
    /// The whole of it, as the engine saw it, without waiting for earlier requests.
    public var generation = 0.0
    /// Reading weights that were not in memory.
    public var load = 0.0
    /// From the prompt to the first step.
    public var preDenoise = 0.0
    /// All denoising steps.
    public var denoise = 0.0
    /// Each denoising step.
    public var steps: [Double] = []
    /// From the last step to pixels.
    public var postDenoise = 0.0

    init(_ times: StageTimes) {
        (load, preDenoise, steps) = (times.load, times.text, times.denoise)
        (denoise, postDenoise) = (times.denoise.reduce(0, +), times.decode)
        generation = load + preDenoise + denoise + postDenoise
    }
}
