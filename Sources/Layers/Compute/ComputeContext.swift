package import Parallel
package import Tensors

/// What the thread of a device makes of a plan: its kernels, and the groups in which it meets other devices.
///
/// It never leaves that thread.
package final class ComputeContext {
    /// How every component computes, before ``ComputePlan/for(_:keeping:)``.
    package let plan: ComputePlan
    /// The step that is being computed, for kernels that choose by it; nil outside the denoising loop.
    package var step: DenoisingStep?
    /// This rank among those that share the work; nil where there is one alone.
    package let ranks: Ranks?
    /// Whether no other rank waits for this one, nor this one for another.
    package var worksAlone: Bool
    /// Which tokens the ranks have of the sequence that blocks run on; nil outside them, and where one has all.
    package var sequence: SequenceCut?
    /// Whether latents are being decoded, and several ranks decode them together.
    package var decodesTogether = false
    /// The picture of which this rank decodes a strip; nil where it has all of what it computes.
    package private(set) var picture: PictureCut?
    /// What takes up the weights that are being read, so that they can wait in the host's memory; nil where they stay.
    package var offload: OffloadedWeights?
    /// The graphs that were captured.
    package let graphs = KeptGraphs()
    private let makeAttention: (AttentionSite) -> (any AttentionKernel)?
    private var counts = KernelCounts()

    /// - Parameters:
    ///   - plan: how models compute
    ///   - ranks: this rank among those that share the work; nil where there is one alone
    ///   - attention: makes the kernel of a site; nil follows the plan
    package init(
        _ plan: ComputePlan, _ ranks: Ranks? = nil,
        attention: @escaping (AttentionSite) -> (any AttentionKernel)? = { _ in nil }
    ) {
        (self.plan, self.ranks, makeAttention) = (plan, ranks, attention)
        worksAlone = ranks == nil
    }

    /// Makes a module, whose weights wait in the host's memory if ``offload`` takes them up.
    ///
    /// - Parameter make: reads the weights
    /// - Returns: the module
    /// - Throws: what `make` throws, or ``TensorError``
    package func making<Module>(_ make: () throws -> Module) throws -> Module {
        defer { offload = nil }
        let module = try make()
        try offload?.end()
        return module
    }

    /// The kernel of a block's attention.
    ///
    /// - Parameter site: what the block needs
    /// - Returns: the kernel
    func attention(_ site: AttentionSite) -> any AttentionKernel {
        let kernel = makeAttention(site) ?? plan.for(site.component).attentionKernel(site, self)
        guard let ranks, site.isShared else { return kernel }
        if let ring = ranks[.ring] { return RingAttention(kernel, ring, self) }
        if ranks[.row] != nil || ranks[.column] != nil { return MeshAttention(kernel, ranks, self) }
        return kernel
    }

    /// The group in which the weights of a component's linear layers are shared; nil where each rank has them whole.
    func tensorGroup(of component: ComponentRole) -> ProcessGroup? {
        component == .transformer ? ranks?[.tensor] : nil
    }

    /// Whether what is made leaves the model here.
    package var delivers: Bool { ranks?.leads ?? true }

    /// Whether this rank has a part in the decoding of latents.
    package var decodes: Bool { ranks.map { $0.rank < $0.layout.decoding } ?? true }

    /// Whether it decodes without any other.
    package var decodesAlone: Bool { ranks.map { $0.leads && $0.layout.decoding == 1 } ?? true }

    /// Decodes latents: of several ranks that decode them together each a strip, which is joined by the body.
    ///
    /// - Parameters:
    ///   - latents: of the whole picture, with height and width as axes 2 and 3
    ///   - body: what decodes; given the cut, or nil where this rank decodes the whole
    /// - Returns: what the body returns
    package func inStrips<Result, Failure: Error>(
        of latents: Tensor, _ body: (PictureCut?) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        picture = PictureCut(latents, self)
        defer { picture = nil }
        return try body(picture)
    }

    /// What a stage of a decoder needs of a picture, or of a strip that reaches further.
    ///
    /// - Parameters:
    ///   - x: with height and width as axes 2 and 3
    ///   - stage: what begins
    /// - Returns: `x` where this rank decodes the whole
    package func narrowed(_ x: Tensor, to stage: DecodingStage) throws(TensorError) -> Tensor {
        try picture?.narrowed(x, to: stage) ?? x
    }

    /// Ends what is being done where it is cancelled: on all ranks at once, as rank 0 says.
    ///
    /// Every rank asks at the same places, those that decode together at places of their own.
    ///
    /// - Throws: `CancellationError`, or `TensorError` where a rank is lost
    package func checkCancellation() throws {
        guard let ranks, !worksAlone else { return try Task.checkCancellation() }
        let isCancelled =
            decodesTogether
            ? try ranks.first([Task.isCancelled ? 1 : 0], of: .decoding)[0] != 0 : try ranks.agreed { Task.isCancelled }
        if isCancelled { throw CancellationError() }
    }

    /// Ends what is being done where it is cancelled, between places at which all ranks ask.
    ///
    /// - Throws: `CancellationError`; nothing where another rank might wait for this one
    package func checkCancellationAlone() throws {
        if worksAlone { try Task.checkCancellation() }
    }

    /// Notes that an attention is computed.
    ///
    /// - Parameter kernel: by which kernel
    func countAttention(_ kernel: String) { counts.attention[kernel, default: 0] += 1 }

    /// Whether attention is rounded in this step, as far as it is in any.
    package var roundsAttention: Bool { plan.attention?.quantization?.includes(step) ?? false }

    /// Notes what ran besides.
    ///
    /// - Parameter other: how often which kernels ran
    package func count(_ other: KernelCounts) { counts.add(other) }

    /// What a body makes, and what it has counted, which does not count here.
    package func counting<Made, Failure: Error>(
        _ body: () throws(Failure) -> Made
    ) throws(Failure) -> (made: Made, counts: KernelCounts) {
        let before = takeKernelCounts()
        defer { counts = before }
        return (try body(), counts)
    }

    /// How often which kernels ran since this was last asked.
    package func takeKernelCounts() -> KernelCounts {
        defer { counts = KernelCounts() }
        return counts
    }
}

@available(*, unavailable) extension ComputeContext: Sendable {}

/// Where a request is between noise and clean latents.
package struct DenoisingStep: Sendable, Equatable {
    /// Counted from 0.
    package let index: Int
    /// How many steps there are.
    package let count: Int
    /// What the model is told, from the noise's largest down to 0.
    package let timestep: Float
    /// How much noise there is.
    package let sigma: Double

    package init(index: Int, of count: Int, timestep: Float, sigma: Double) {
        (self.index, self.count, self.timestep, self.sigma) = (index, count, timestep, sigma)
    }
}
