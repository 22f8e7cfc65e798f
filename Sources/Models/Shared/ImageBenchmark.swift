internal import Diffusion
internal import Layers
internal import Tensors

/// What the benchmarks of models of images run on: eight pixels a latent, four latents a token.
struct ImageBenchmark {
    let grid: PatchGrid
    private let source: NoiseSource
    private let plan: ComputePlan
    private let latentSize: [Int]

    init(_ shape: BenchmarkShape, _ plan: ComputePlan) throws {
        self.plan = plan
        latentSize = [shape.height / 8, shape.width / 8]
        grid = PatchGrid([1] + latentSize, patch: [1, 2, 2])
        source = try NoiseSource(seeds: [0], count: shape.batch)
    }

    /// Random numbers of the plan's type, `[batch] + shape`.
    func drawn(_ shape: [Int]) throws(TensorError) -> Tensor { try source.draw(shape).to(plan.dtype, on: plan.device) }

    /// Random latents as a decoder takes them, `[batch, channels, height, width]`.
    func latents(_ channels: Int) throws(TensorError) -> Tensor { try drawn([channels] + latentSize) }
}
