internal import Tensors

/// Predictions of one transformer for branches of guidance that are decided on together, step after step.
final class StepCache<Transformer: CacheableTransformer> {
    private var rule: any StepCacheRule
    private var audit: ErrorAudit?
    /// The blocks that may be left out.
    private let middle: Range<Int>
    /// What the change is measured against, one for each branch.
    private var signals: [Tensor] = []
    /// What the middle adds to the tokens, by branch and kind of token.
    private var forecasts: [[ResidualForecast]] = []
    private(set) var report: CacheReport.Branch

    /// - Parameters:
    ///   - blocks: how many blocks the transformer has
    ///   - settings: what is used again, and when
    ///   - steps: the steps of this transformer, from the request's first
    ///   - place: which transformer of the model it is, and which branch of guidance; nil for all together
    init(
        of blocks: Int, _ settings: StepCacheSettings, steps: Range<Int>, place: (transformer: Int, guidance: Int?)
    ) {
        rule = settings.rule(steps: steps.count)
        audit = settings.maxError.map(ErrorAudit.init)
        middle = rule.ends.first..<(blocks - rule.ends.last)
        report = CacheReport.Branch(
            transformer: place.transformer, guidance: place.guidance, steps: steps, blocks: blocks,
            skippedBlocks: middle)
    }

    /// The predictions of the next step.
    ///
    /// - Parameters:
    ///   - runner: what predicts
    ///   - inputs: one for each branch, the same number in every step
    /// - Returns: a prediction for each
    func predict(_ runner: BlockRunner<Transformer>, _ inputs: [Transformer.Input]) throws(TensorError) -> [[Tensor]] {
        let step = report.steps.lowerBound + report.changes.count
        report.changes.append(nil)
        var states: [Transformer.State] = []
        for input in inputs { states.append(try runner.transformer.begin(input)) }
        if report.stoppedAt != nil { return try runner.finish(states, from: 0) }
        if rule.begin() { (signals, forecasts) = ([], []) }
        for branch in forecasts.indices {
            for kind in forecasts[branch].indices { forecasts[branch][kind].begin() }
        }
        let signals = try advance(&states, runner)
        let skips = try rule.skips { () throws(TensorError) in try noted(change(to: signals)) }
        if case .input = rule.signal { self.signals = signals }
        if skips, let guess = try skipped(states, runner) {
            guard audit?.isDue() == true else {
                rule.end(skipped: true)
                report.skipped.append(step)
                return guess
            }
            let computed = try computed(states, signals, runner)
            try note(relativeDifference(guess.flatMap(\.self), computed.flatMap(\.self)), at: step)
            return computed
        }
        return try computed(states, signals, runner)
    }
}

extension StepCache {
    /// Computes the first blocks.
    ///
    /// - Returns: what the change is measured of
    private func advance(_ states: inout [Transformer.State], _ runner: BlockRunner<Transformer>) throws(TensorError)
        -> [Tensor]
    {
        var signals: [Tensor] = []
        for index in states.indices {
            let before = try states[index].tokenStreams()[0]
            try runner.run(0..<middle.lowerBound, &states[index])
            switch rule.signal {
            case .input(let variant): signals.append(try runner.transformer.teaCacheSignal(states[index], variant))
            case .firstBlocks: signals.append(try states[index].tokenStreams()[0] - before)
            }
        }
        return signals
    }

    /// The relative change since what is kept; nil if nothing is.
    private func change(to signals: [Tensor]) throws(TensorError) -> Double? {
        self.signals.isEmpty ? nil : try relativeDifference(signals, self.signals)
    }

    private func noted(_ change: Double?) -> Double? {
        if let change, change.isFinite { report.changes[report.changes.count - 1] = change }
        return change
    }

    /// The predictions without the middle; nil if nothing is known of it.
    private func skipped(_ states: [Transformer.State], _ runner: BlockRunner<Transformer>) throws(TensorError)
        -> [[Tensor]]?
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
        return try runner.finish(states, from: middle.upperBound)
    }

    /// The predictions with the middle, which is learnt.
    private func computed(
        _ states: [Transformer.State], _ signals: [Tensor], _ runner: BlockRunner<Transformer>
    ) throws(TensorError) -> [[Tensor]] {
        var states = states
        self.signals = signals
        for index in states.indices {
            let before = try kept(states[index])
            try runner.run(middle, &states[index])
            let after = try kept(states[index])
            if index == forecasts.count {
                forecasts.append(before.map { _ in ResidualForecast(order: rule.order) })
            }
            for kind in before.indices { try forecasts[index][kind].update(after[kind] - before[kind]) }
        }
        rule.end(skipped: false)
        return try runner.finish(states, from: middle.upperBound)
    }

    /// The tokens whose change is kept: where no block follows the middle, those that the prediction is made of.
    private func kept(_ state: Transformer.State) throws(TensorError) -> [Tensor] {
        let tokens = try state.tokenStreams()
        return middle.upperBound == report.blocks ? [tokens[0]] : tokens
    }

    private func note(_ error: Double, at step: Int) {
        audit?.note(error)
        report.audits.append(CacheReport.Audit(step: step, error: error.isFinite ? error : -1))
        guard audit?.isOver == true else { return }
        report.stoppedAt = step
        (signals, forecasts) = ([], [])
    }
}

extension BlockRunner {
    /// The predictions of several states.
    fileprivate func finish(_ states: [Transformer.State], from first: Int) throws(TensorError) -> [[Tensor]] {
        try states.map { state throws(TensorError) in try finish(state, from: first) }
    }
}

/// How far tensors are from others of their shapes: the mean difference over the mean size of the others.
///
/// - Parameters:
///   - values: at least one, all of one shape
///   - references: as many, of the same shape
/// - Returns: 0 where all are equal
func relativeDifference(_ values: [Tensor], _ references: [Tensor]) throws(TensorError) -> Double {
    func size(_ tensor: Tensor) throws(TensorError) -> Double {
        Double(try abs(tensor).reshaped(-1).mean(over: 0).floats()[0])
    }
    var (difference, scale) = (0.0, 0.0)
    for (value, reference) in zip(values, references) {
        let reference = try reference.to(.float32)
        difference += try size(value.to(.float32) - reference)
        scale += try size(reference)
    }
    return difference == 0 ? 0 : difference / scale
}
