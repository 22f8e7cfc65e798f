/// What a step cache left out of one request.
package struct CacheReport: Sendable, Equatable, Codable {
    /// One of each transformer and branch of guidance that was cached for itself.
    package let branches: [Branch]

    package init(_ branches: [Branch]) { self.branches = branches }

    /// What was left out of one transformer's predictions for one branch of guidance.
    package struct Branch: Sendable, Equatable, Codable {
        /// From 0: the second transformer is 1.
        package let transformer: Int
        /// From 0: FLUX.2's two kinds of blocks are lists of their own; nil where there is one list.
        package let list: Int?
        /// From 0: the prompt, then the negative one; nil where both are cached together.
        package let guidance: Int?
        /// The steps of this transformer, from the request's first.
        package let steps: Range<Int>
        /// How many blocks the list has; most transformers have one.
        package let blocks: Int
        /// The blocks that are left out of a skipped step.
        package let skippedBlocks: Range<Int>
        /// The steps that blocks were left out of, counted from the request's first.
        package internal(set) var skipped: [Int] = []
        /// The changes that were measured, relative, one for each step; nil where none was or it is not finite.
        package internal(set) var changes: [Double?] = []
        /// The relative errors of predictions that were computed too, by step.
        package internal(set) var audits: [Audit] = []
        /// The step from which on everything was computed, for an error that was too great.
        package internal(set) var stoppedAt: Int?
    }

    /// One comparison of what would have been left out with what was computed.
    package struct Audit: Sendable, Equatable, Codable {
        package let step: Int
        /// The mean difference of the predictions over the computed one's mean size; -1 where it is not finite.
        package let error: Double
    }
}

extension CacheReport.Branch {
    /// The share of all blocks of all steps that was left out.
    package var skippedShare: Double {
        let all = steps.count * blocks
        return all > 0 ? Double(skipped.count * skippedBlocks.count) / Double(all) : 0
    }

    /// The greatest error that an audit found.
    package var greatestError: Double? { audits.map(\.error).max() }
}
