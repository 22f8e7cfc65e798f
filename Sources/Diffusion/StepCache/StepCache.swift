internal import Tensors

/// One list of a transformer's blocks, for branches of guidance that are decided on together, step after step.
final class StepCache<Transformer: CacheableTransformer> {
    private let list: CachedList
    private var rule: any StepCacheRule
    private let sum: StepSum
    private var audit: ErrorAudit?
    /// The blocks that may be left out.
    private let middle: Range<Int>
    /// What the change is measured against, one for each branch that this rank computes.
    private var signals: [Tensor] = []
    /// Whether there is anything to measure against; a rank may compute no branch.
    private var isKnown = false
    /// What the middle adds to the tokens, by branch and kind of token.
    private var forecasts: [[ResidualForecast]] = []
    private(set) var report: CacheReport.Branch

    /// - Parameters:
    ///   - list: the blocks
    ///   - settings: what is used again, and when
    ///   - sum: what ranks measure together
    ///   - steps: the steps of this transformer, from the request's first
    ///   - place: which transformer of the model it is, which list of blocks, nil for the only one, and which branch
    ///     of guidance, nil for all together
    init(
        _ list: CachedList, _ settings: StepCacheSettings, _ sum: StepSum, steps: Range<Int>,
        place: (transformer: Int, list: Int?, guidance: Int?)
    ) {
        (self.list, self.sum) = (list, sum)
        rule = settings.rule(steps: steps.count)
        audit = settings.maxError.map(ErrorAudit.init)
        // A list may be too short for anything to be left out of it.
        let start = min(list.blocks.lowerBound + rule.ends.first, list.blocks.upperBound)
        middle = start..<max(start, list.blocks.upperBound - rule.ends.last)
        report = CacheReport.Branch(
            transformer: place.transformer, list: place.list, guidance: place.guidance, steps: steps,
            blocks: list.blocks.count, skippedBlocks: middle)
    }

    /// Runs the blocks of the next step, or what stands for them.
    ///
    /// - Parameters:
    ///   - runner: what computes
    ///   - states: one for each branch, the same number in every step
    func run(_ runner: BlockRunner<Transformer>, _ states: inout [SharedState<Transformer.State>]) throws(TensorError) {
        let step = report.steps.lowerBound + report.changes.count
        report.changes.append(nil)
        if report.stoppedAt != nil { return try run(list.blocks, &states, runner) }
        if rule.begin() { (signals, isKnown, forecasts) = ([], false, []) }
        for branch in forecasts.indices {
            for kind in forecasts[branch].indices { forecasts[branch][kind].begin() }
        }
        let signals = try advance(&states, runner)
        let skips = try rule.skips { () throws(TensorError) in try noted(change(to: signals)) }
        if case .input = rule.signal { (self.signals, isKnown) = (signals, true) }
        if skips, let guess = try skipped(states, runner) {
            guard audit?.isDue() == true else {
                rule.end(skipped: true)
                report.skipped.append(step)
                states = guess
                return
            }
            try compute(&states, signals, runner)
            try note(sum.relativeDifference(audited(guess, runner), audited(states, runner)), at: step)
            return
        }
        try compute(&states, signals, runner)
    }
}

extension StepCache {
    private func run(
        _ blocks: Range<Int>, _ states: inout [SharedState<Transformer.State>], _ runner: BlockRunner<Transformer>
    ) throws(TensorError) {
        for index in states.indices { try runner.run(blocks, &states[index]) }
    }

    /// Computes the first blocks.
    ///
    /// - Returns: what the change is measured of
    private func advance(_ states: inout [SharedState<Transformer.State>], _ runner: BlockRunner<Transformer>)
        throws(TensorError)
        -> [Tensor]
    {
        var signals: [Tensor] = []
        for index in states.indices {
            let before = try measured(states[index])
            try runner.run(list.blocks.lowerBound..<middle.lowerBound, &states[index])
            switch rule.signal {
            case .input(let variant):
                signals.append(try runner.transformer.teaCacheSignal(states[index].state, variant))
            case .firstBlocks: signals.append(try measured(states[index]) - before)
            }
        }
        return signals
    }

    /// The tokens whose change decides.
    private func measured(_ state: SharedState<Transformer.State>) throws(TensorError) -> Tensor {
        let tokens = try state.tokenStreams()
        return list.signal == .predicted ? tokens[0] : try concatenate(tokens, axis: 1)
    }

    /// The relative change since what is kept; nil if nothing is.
    private func change(to signals: [Tensor]) throws(TensorError) -> Double? {
        isKnown ? try sum.relativeDifference(signals, self.signals) : nil
    }

    private func noted(_ change: Double?) -> Double? {
        if let change, change.isFinite { report.changes[report.changes.count - 1] = change }
        return change
    }

    /// The states behind the list without the middle; nil if nothing is known of it.
    private func skipped(_ states: [SharedState<Transformer.State>], _ runner: BlockRunner<Transformer>)
        throws(TensorError)
        -> [SharedState<Transformer.State>]?
    {
        var states = states
        guard forecasts.count == states.count else { return nil }
        for index in states.indices {
            var changes: [Tensor] = []
            for forecast in forecasts[index] {
                guard let change = try forecast.value() else { return nil }
                changes.append(change)
            }
            try states[index].add(changes)
        }
        try run(middle.upperBound..<list.blocks.upperBound, &states, runner)
        return states
    }

    /// Computes the middle, which is learnt, and what follows it.
    private func compute(
        _ states: inout [SharedState<Transformer.State>], _ signals: [Tensor], _ runner: BlockRunner<Transformer>
    ) throws(TensorError) {
        (self.signals, isKnown) = (signals, true)
        for index in states.indices {
            let before = try kept(states[index], runner)
            try runner.run(middle, &states[index])
            let after = try kept(states[index], runner)
            if index == forecasts.count {
                forecasts.append(before.map { _ in ResidualForecast(order: rule.order) })
            }
            for kind in before.indices { try forecasts[index][kind].update(after[kind] - before[kind]) }
        }
        rule.end(skipped: false)
        try run(middle.upperBound..<list.blocks.upperBound, &states, runner)
    }

    /// The tokens whose change is kept: where no block follows the middle, those that the prediction is made of.
    private func kept(_ state: SharedState<Transformer.State>, _ runner: BlockRunner<Transformer>) throws(TensorError)
        -> [Tensor]
    {
        let tokens = try state.tokenStreams()
        let isLast = middle.upperBound == runner.transformer.blockCount
        return isLast ? Array(tokens.prefix(Transformer.State.predictedStreams)) : tokens
    }

    /// What an audit compares: the predictions, or, where other lists follow, the tokens that they will be made of.
    private func audited(_ states: [SharedState<Transformer.State>], _ runner: BlockRunner<Transformer>)
        throws(TensorError)
        -> [Tensor]
    {
        let isLast = list.blocks.upperBound == runner.transformer.blockCount
        var compared: [Tensor] = []
        for state in states {
            compared +=
                try isLast
                ? runner.finish(state) : Array(state.tokenStreams().prefix(Transformer.State.predictedStreams))
        }
        return compared
    }

    private func note(_ error: Double, at step: Int) {
        audit?.note(error)
        report.audits.append(CacheReport.Audit(step: step, error: error.isFinite ? error : -1))
        guard audit?.isOver == true else { return }
        report.stoppedAt = step
        (signals, isKnown, forecasts) = ([], false, [])
    }
}
