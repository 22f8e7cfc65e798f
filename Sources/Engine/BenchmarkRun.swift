package import Diffusion
package import Layers
internal import Models
package import Tensors

extension LocalWorker {
    /// What timing a part of a model gave.
    package struct Timing: Sendable {
        /// What had to be done once before the first counted run, in seconds beyond what a run takes.
        package let ready: Double
        /// Seconds of each counted run.
        package let seconds: [Double]
        /// Floating point operations of the matrix products of one run; 0 if unknown.
        package let operations: Double
        /// A GPU's memory in the counted runs.
        package let deviceMemory: DeviceMemory?
    }

    /// Times a part of a model with random weights, after one run that is not counted.
    ///
    /// - Parameters:
    ///   - part: which part
    ///   - family: of which family
    ///   - shape: the size of its input
    ///   - plan: how it computes
    ///   - stepCache: leaves steps out after the first, which is not counted
    ///   - weightMemory: bytes of weights that the device has room for, while the others wait in the host's memory; nil for all
    ///   - runs: how many runs are counted
    /// - Returns: the times
    /// - Throws: `CancellationError` between two runs, or an error of the part
    package func time(
        _ part: BenchmarkPart, of family: any ModelFamily.Type, _ shape: BenchmarkShape, _ plan: ComputePlan,
        stepCache: StepCacheSettings? = nil, weightMemory: Int? = nil, runs: Int
    ) throws -> Timing {
        try EngineError.enter(device)
        let options = PipelineOptions(plan, stepCache: stepCache)
        let context = ComputeContext(plan, try join())
        switch part {
        case .transformer:
            context.offload = try weightMemory.map { try OffloadedWeights(OffloadPlan(), room: $0) }
            return try time(family.transformerBenchmark(shape, options, context), runs: runs)
        case .decoder:
            context.decodesTogether = true
            return try time(family.decoderBenchmark(shape, context), runs: runs)
        }
    }

    /// Times one linear layer, `[1536, 3072] × [3072, 3072]`: no network made of such products can be faster per operation.
    ///
    /// - Parameters:
    ///   - dtype: the type of the numbers
    ///   - runs: how many runs are counted
    /// - Returns: the times
    /// - Throws: `CancellationError` between two runs, or ``TensorError``
    package func timeProduct(dtype: DType, runs: Int) throws -> Timing {
        try EngineError.enter(device)
        let (rows, width) = (1536, 3072)
        let plan = ComputePlan(dtype: dtype, device: device)
        let linear = try Linear(Weights(RandomWeights(), plan: plan), from: width, to: width)
        let x = try NoiseSource(seeds: [0], count: 1).draw([rows, width]).to(dtype, on: device)
        let operations = 2 * Double(rows * width * width)
        return try time(Benchmark(operations: operations) { _ = try linear(x) }, runs: runs)
    }

    /// Times the attention of every token to every token.
    ///
    /// - Parameters:
    ///   - shape: heads, tokens and width of queries, keys and values
    ///   - plan: how it is computed
    ///   - runs: how many runs are counted
    /// - Returns: the times
    /// - Throws: `CancellationError` between two runs, or ``TensorError``
    package func timeAttention(_ shape: [Int], _ plan: ComputePlan, runs: Int) throws -> Timing {
        try EngineError.enter(device)
        let source = try NoiseSource(seeds: [0], count: 1)
        let (heads, tokens, width) = (shape[0], shape[1], shape[2])
        let draw = { try source.draw([tokens, heads, width]).to(plan.dtype, on: plan.device) }
        let (query, key, value) = (try draw(), try draw(), try draw())
        let attention = Attention(
            Weights(RandomWeights(), plan: plan), .selfAttention, heads: heads, headWidth: width)
        let operations = 4 * Double(shape.reduce(1, *) * shape[1])
        return try time(
            Benchmark(operations: operations) { _ = try attention(query, key, value) }, runs: runs)
    }

    private func time(_ benchmark: Benchmark, runs: Int) throws -> Timing {
        var seconds: [Double] = []
        try HostMemory.reusing {
            for index in 0...runs {
                try Task.checkCancellation()
                if index == 1 { try device.resetPeakMemory() }
                var elapsed = 0.0
                try timed(&elapsed, benchmark.run)
                seconds.append(elapsed)
            }
        }
        let first = seconds.removeFirst()
        return Timing(
            ready: first - (seconds.min() ?? 0), seconds: seconds, operations: benchmark.operations,
            deviceMemory: try device.memory())
    }
}
