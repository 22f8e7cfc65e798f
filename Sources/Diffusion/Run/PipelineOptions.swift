package import Layers

/// How a model is opened: what all of its requests have in common, as a value that crosses processes.
package struct PipelineOptions: Sendable, Equatable, Codable {
    /// How it computes.
    package var plan: ComputePlan
    /// How results of one denoising step are used again in the next ones; nil computes everything.
    package var stepCache: StepCacheSettings?
    /// The bytes that the process, or on a GPU its tensors, may hold; nil for as many as it may have.
    package var memoryLimit: Int?

    /// - Parameters:
    ///   - plan: how it computes
    ///   - stepCache: how results of one denoising step are used again in the next ones; nil computes everything
    ///   - memoryLimit: the bytes that the process, or on a GPU its tensors, may hold; nil for as many as it may have
    package init(_ plan: ComputePlan = ComputePlan(), stepCache: StepCacheSettings? = nil, memoryLimit: Int? = nil) {
        (self.plan, self.stepCache, self.memoryLimit) = (plan, stepCache, memoryLimit)
    }
}
