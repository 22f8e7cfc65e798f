internal import Foundation

/// The noise levels that a model was trained at, in 32-bit floats as they were computed there.
struct TrainedNoise {
    /// Noise over signal, one for each training timestep, rising.
    let sigmas: [Float]

    init(_ config: UniPCConfig) {
        var signals = Self.products(Self.betas(config).map { 1 - $0 })
        if config.rescaleBetasZeroSnr {
            signals = Self.products(Self.withoutSignalAtTheEnd(signals))
            // Not zero, so that the first sigma is finite.
            signals[signals.count - 1] = 0x1p-24
        }
        sigmas = signals.map { ((1 - $0) / $0).squareRoot() }
    }

    /// Where a noise level lies among others, by its logarithm.
    ///
    /// - Parameters:
    ///   - sigma: the level
    ///   - levels: at least one
    /// - Returns: a fractional index, from 0 to that of the last level
    static func position(of sigma: Double, in levels: [Double]) -> Double {
        let target = log(max(sigma, 1e-10))
        let above = levels.lastIndex { target - $0 >= 0 } ?? 0
        let low = min(above, levels.count - 2)
        guard low >= 0 else { return .nan }
        let share = (levels[low] - target) / (levels[low] - levels[low + 1])
        let weight = min(max(share, 0), 1)
        return (1 - weight) * Double(low) + weight * Double(low + 1)
    }

    /// The share of noise that each training timestep added.
    private static func betas(_ config: UniPCConfig) -> [Float] {
        let count = config.numTrainTimesteps
        switch config.betaSchedule {
        case .linear: return spaced(Float(config.betaStart), Float(config.betaEnd), count)
        case .scaledLinear:
            let roots = spaced(Float(config.betaStart.squareRoot()), Float(config.betaEnd.squareRoot()), count)
            return roots.map { $0 * $0 }
        case .cosine:
            func signal(_ index: Int) -> Double {
                let root = cos((Double(index) / Double(count) + 0.008) / 1.008 * .pi / 2)
                return root * root
            }
            return (0..<count).map { Float(min(1 - signal($0 + 1) / signal($0), 0.999)) }
        }
    }

    /// Evenly spaced numbers as LibTorch rounds them: from both ends, once each.
    private static func spaced(_ start: Float, _ end: Float, _ count: Int) -> [Float] {
        guard count > 1 else { return [start] }
        let step = Double((end - start) / Float(count - 1))
        return (0..<count).map { index in
            index < count / 2
                ? Float(Double(start) + step * Double(index)) : Float(Double(end) - step * Double(count - 1 - index))
        }
    }

    /// The products of the first one, two, … numbers, accumulated in 64 bits.
    private static func products(_ numbers: [Float]) -> [Float] {
        var product = 1.0
        return numbers.map { number in
            product *= Double(number)
            return Float(product)
        }
    }

    /// The factors of signals that were stretched to end at zero.
    private static func withoutSignalAtTheEnd(_ signals: [Float]) -> [Float] {
        let roots = signals.map { $0.squareRoot() }
        guard let first = roots.first, let last = roots.last else { return [] }
        let stretched = roots.map { ($0 - last) * (first / (first - last)) }.map { $0 * $0 }
        let factors = zip(stretched.dropFirst(), stretched).map { $0 / $1 }
        // Training keeps the complements of these factors, which rounds them.
        return ([stretched[0]] + factors).map { 1 - (1 - $0) }
    }
}
