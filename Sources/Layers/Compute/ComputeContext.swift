/// What the thread of a device makes of a plan: its kernels.
///
/// It never leaves that thread. Process groups and captured graphs belong here.
package final class ComputeContext {
    /// How every component computes, before ``ComputePlan/for(_:keeping:)``.
    package let plan: ComputePlan
    /// The step that is being computed, for kernels that choose by it; nil outside the denoising loop.
    package var step: DenoisingStep?
    private let makeAttention: (AttentionSite) -> (any AttentionKernel)?
    private var counts = KernelCounts()

    /// - Parameters:
    ///   - plan: how models compute
    ///   - attention: makes the kernel of a site; nil follows the plan
    package init(_ plan: ComputePlan, attention: @escaping (AttentionSite) -> (any AttentionKernel)? = { _ in nil }) {
        (self.plan, makeAttention) = (plan, attention)
    }

    /// The kernel of a block's attention.
    ///
    /// - Parameter site: what the block needs
    /// - Returns: the kernel
    func attention(_ site: AttentionSite) -> any AttentionKernel {
        makeAttention(site) ?? plan.for(site.component).attentionKernel(site, self)
    }

    /// Notes that an attention is computed.
    ///
    /// - Parameter kernel: by which kernel
    func countAttention(_ kernel: String) { counts.attention[kernel, default: 0] += 1 }

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
