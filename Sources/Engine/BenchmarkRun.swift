package import Diffusion
package import Layers
internal import Models
package import Tensors

extension LocalWorker {
    /// What timing a part of a model gave.
    package struct Timing: Sendable {
        /// Seconds of each counted run.
        package let seconds: [Double]
        /// Floating point operations of the matrix products of one run; 0 if unknown.
        package let operations: Double
    }

    /// Times a part of a model with random weights, after one run that is not counted.
    ///
    /// - Parameters:
    ///   - part: which part
    ///   - family: of which family
    ///   - shape: the size of its input
    ///   - dtype: the type of weights and activations
    ///   - stepCache: leaves steps out after the first, which is not counted
    ///   - runs: how many runs are counted
    /// - Returns: the times
    /// - Throws: `CancellationError` between two runs, or an error of the part
    package func time(
        _ part: BenchmarkPart, of family: any ModelFamily.Type, _ shape: BenchmarkShape, dtype: DType,
        stepCache: StepCacheSettings? = nil, runs: Int
    ) throws -> Timing {
        let plan = ExecutionPlan(dtype: dtype, device: device, stepCache: stepCache)
        let benchmark = try family.benchmark(part, shape, plan: plan)
        var seconds: [Double] = []
        try HostMemory.reusing {
            for index in 0...runs {
                try Task.checkCancellation()
                var elapsed = 0.0
                try timed(&elapsed, benchmark.run)
                if index > 0 { seconds.append(elapsed) }
            }
        }
        return Timing(seconds: seconds, operations: benchmark.operations)
    }
}
