internal import Tensors

/// The numbers by which a step of UniPC weighs what it knows, in 32-bit floats.
struct UniPCSolver {
    let config: UniPCConfig
    let schedule: NoiseSchedule

    init(_ config: UniPCConfig, _ schedule: NoiseSchedule) { (self.config, self.schedule) = (config, schedule) }

    /// Which half of the method a step is for.
    enum Half { case predictor, corrector }

    /// How the sample at a step's end is made up.
    struct Weights {
        /// Of the sample at its start.
        let sample: Float
        /// Of the model's output at its start, to be taken away.
        let output: Float
        /// Of the sum of changes, to be taken away.
        let changes: Float
        /// Of each earlier output's difference from the one at the start.
        let history: [Float]
        /// What each of those differences is divided by first.
        let distances: [Float]
        /// Of the difference of the output at the end, for the corrector.
        let end: Float

        var areFinite: Bool { ([sample, output, changes, end] + history + distances).allSatisfy(\.isFinite) }
    }

    /// The order of a step.
    ///
    /// - Parameters:
    ///   - index: the step
    ///   - outputs: how many outputs of earlier steps are remembered
    /// - Returns: at least 1
    func order(at index: Int, after outputs: Int) -> Int {
        let reachable = config.lowerOrderFinal ? schedule.timesteps.count - index : config.solverOrder
        return min(config.solverOrder, reachable, outputs + 1)
    }

    /// The share of signal and of noise at a level.
    func shares(_ index: Int) -> (signal: Float, noise: Float) {
        let sigma = schedule.sigmas[index]
        if config.useFlowSigmas { return (1 - sigma, sigma) }
        let signal = 1 / (sigma * sigma + 1).squareRoot()
        return (signal, sigma * signal)
    }

    /// The weights of the step from one level to the next.
    ///
    /// - Parameters:
    ///   - start: the level it starts from
    ///   - order: how many outputs it uses, counted from that at the start backwards
    ///   - half: predictor or corrector
    /// - Returns: the weights
    func weights(from start: Int, order: Int, _ half: Half) throws(TensorError) -> Weights {
        let (here, next) = (shares(start), shares(start + 1))
        let origin = try logarithmicRatio(start)
        let length = try logarithmicRatio(start + 1) - origin
        var distances: [Float] = []
        for back in 1..<max(order, 1) { distances.append((try logarithmicRatio(start - back) - origin) / length) }
        let signed = config.predictX0 ? -length : length
        let growth = try Self.expm1(signed)
        let scale = config.solverType == .bh1 ? signed : growth
        let solution = solution(distances, signed, growth, scale, order: order, half)
        let share = config.predictX0 ? next.signal : next.noise
        return Weights(
            sample: config.predictX0 ? next.noise / here.noise : next.signal / here.signal,
            output: share * growth, changes: share * scale, history: Array(solution.prefix(order - 1)),
            distances: distances, end: half == .corrector ? solution[order - 1] : 0)
    }

    /// The weights of the differences: so that a polynomial in time is followed exactly.
    private func solution(
        _ distances: [Float], _ signed: Float, _ growth: Float, _ scale: Float, order: Int, _ half: Half
    ) -> [Float] {
        switch (half, order) {
        case (.predictor, 1): return []
        // In these two cases the method takes a half for the solution.
        case (.predictor, 2), (.corrector, 1): return [0.5]
        default: break
        }
        var (right, power, factorial): ([Float], Float, Int) = ([], growth / signed - 1, 1)
        for row in 1...order {
            right.append(power * Float(factorial) / scale)
            factorial *= row + 1
            power = power / signed - Float(1 / Double(factorial))
        }
        let nodes = half == .corrector ? distances + [1] : distances
        return Self.solved(nodes, right)
    }

    /// The weights whose sums with the nodes' powers 0, 1, … are given.
    private static func solved(_ nodes: [Float], _ sums: [Float]) -> [Float] {
        let count = nodes.count
        var rows: [[Double]] = []
        var power = [Double](repeating: 1, count: count)
        for sum in sums.prefix(count) {
            rows.append(power.map { Double(Float($0)) } + [Double(sum)])
            for column in 0..<count { power[column] *= Double(nodes[column]) }
        }
        for column in 0..<count {
            let pivot = (column..<count).max { abs(rows[$0][column]) < abs(rows[$1][column]) } ?? column
            rows.swapAt(column, pivot)
            for row in 0..<count where row != column {
                let factor = rows[row][column] / rows[column][column]
                for entry in column...count { rows[row][entry] -= factor * rows[column][entry] }
            }
        }
        return (0..<count).map { Float(rows[$0][count] / rows[$0][$0]) }
    }

    /// The logarithm of signal over noise at a level.
    private func logarithmicRatio(_ index: Int) throws(TensorError) -> Float {
        let (signal, noise) = shares(index)
        return try Self.logarithm(signal) - Self.logarithm(noise)
    }

    // LibTorch's functions, as the system's differ in the last place, which short steps magnify.
    private static func logarithm(_ x: Float) throws(TensorError) -> Float {
        try log(Tensor([x], shape: [1])).floats()[0]
    }

    private static func expm1(_ x: Float) throws(TensorError) -> Float {
        try Tensors.expm1(Tensor([x], shape: [1])).floats()[0]
    }
}
