internal import Diffusion

/// What a step cache left out of one transformer's steps, for one branch of guidance, as clients read it.
struct CacheSummary: Encodable {
    let transformer: Int
    let guidance: Int?
    let skippedSteps: [Int]
    /// Of all blocks of all steps.
    let skippedShare: Double
    /// The greatest relative error that was measured; nil where none was.
    let greatestError: Double?
    /// The step from which on everything was computed; nil for none.
    let stoppedAt: Int?

    init(_ branch: CacheReport.Branch) {
        (transformer, guidance, skippedSteps) = (branch.transformer, branch.guidance, branch.skipped)
        (skippedShare, greatestError, stoppedAt) = (branch.skippedShare, branch.greatestError, branch.stoppedAt)
    }
}

extension Job {
    /// What a step cache left out; nil without one.
    var cacheSummary: [CacheSummary]? { timings?.cache?.branches.map(CacheSummary.init) }
}
