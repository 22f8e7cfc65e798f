internal import Diffusion
internal import Layers

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
    /// What a step cache left out, for each transformer and branch of guidance; empty without a cache.
    public var cache: [CachedSteps] = []
    /// How often which kernels computed attention of the transformers, by name (docs/attention.md).
    public var attentionKernels: [String: Int] = [:]

    init(_ times: StageTimes) {
        (load, preDenoise, steps) = (times.load, times.text, times.denoise)
        (denoise, postDenoise) = (times.denoise.reduce(0, +), times.decode)
        cache = times.cache?.branches.map(CachedSteps.init) ?? []
        attentionKernels = times.kernels.attention
        generation = load + preDenoise + denoise + postDenoise
    }
}

/// What a step cache left out of one transformer's steps, for one branch of guidance.
public struct CachedSteps: Sendable, Equatable {
    /// From 0: the second transformer is 1.
    public let transformer: Int
    /// 0 is the prompt's branch, 1 the negative prompt's; nil where both are cached together.
    public let guidance: Int?
    /// The steps of this transformer, from the request's first.
    public let steps: Range<Int>
    /// The steps that blocks were left out of.
    public let skippedSteps: [Int]
    /// How many blocks the transformer has.
    public let blocks: Int
    /// The blocks that were left out of them.
    public let skippedBlocks: Range<Int>
    /// The relative errors that were measured, by step; -1 where one was not finite.
    public let errors: [Int: Double]
    /// The step from which on everything was computed, for an error above `max_error`.
    public let stoppedAt: Int?

    init(_ branch: CacheReport.Branch) {
        (transformer, guidance, steps) = (branch.transformer, branch.guidance, branch.steps)
        (skippedSteps, blocks, skippedBlocks) = (branch.skipped, branch.blocks, branch.skippedBlocks)
        errors = Dictionary(branch.audits.map { ($0.step, $0.error) }) { $1 }
        stoppedAt = branch.stoppedAt
    }
}
