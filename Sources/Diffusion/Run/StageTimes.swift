package import Layers
package import Tensors

/// How long the stages of one generation took, in seconds, what was left out of it, which kernels ran, and the memory of the GPU
/// it took.
package struct StageTimes: Sendable, Equatable, Codable {
    /// Reading weights, for components that were not in memory.
    package var load = 0.0
    package var text = 0.0
    /// One for each step.
    package var denoise: [Double] = []
    package var decode = 0.0
    /// What a step cache left out; nil without one.
    package var cache: CacheReport?
    /// Which kernels ran.
    package var kernels = KernelCounts()
    /// nil on a CPU.
    package var deviceMemory: DeviceMemory?

    package init() {}

    /// Adds what a step cache left out of one transformer's steps.
    ///
    /// - Parameter report: nil without a step cache
    package mutating func add(_ report: CacheReport?) {
        guard let report else { return }
        cache = CacheReport((cache?.branches ?? []) + report.branches)
    }
}

/// Runs a body and adds how long it took, on a GPU until that has done what the body asked of it.
///
/// - Parameters:
///   - seconds: where the time is added
///   - body: what to run
/// - Returns: what the body returns
/// - Throws: what the body throws, or ``TensorError``
package func timed<Result>(_ seconds: inout Double, _ body: () throws -> Result) throws -> Result {
    let stopwatch = try Stopwatch()
    let result = try body()
    seconds += try stopwatch.elapsed()
    return result
}

extension Duration {
    /// The duration as a number of seconds.
    package var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
