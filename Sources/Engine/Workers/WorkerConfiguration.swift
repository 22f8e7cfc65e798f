package import Diffusion
package import Layers
internal import Models
package import Tensors

/// Which model a worker runs, and how.
package struct WorkerConfiguration: Sendable, Equatable, Codable {
    /// What a model is run with before its first request.
    package enum WarmUp: Sendable, Equatable, Codable {
        case none
        /// The model's own sizes.
        case defaults
        case sizes([OutputSize])
    }

    /// The checkpoint's folder.
    package let model: String
    package var device = Device.cpu
    package var dtype = DType.bfloat16
    /// How many threads one operation may use; nil for as many as may run at once.
    package var threads: Int?
    /// The bytes that the worker may hold; nil for as many as it may have of the machine.
    package var memoryLimit: Int?
    /// Whether config keys and tensors that this build does not know are skipped instead of refused.
    package var allowsUnknown = false
    package var warmUp = WarmUp.none
    /// How results of one denoising step are used again in the next ones; nil computes everything.
    package var stepCache: StepCacheSettings?

    /// - Parameter model: the checkpoint's folder
    package init(model: String) { self.model = model }

    /// How the model computes.
    package var plan: ExecutionPlan { ExecutionPlan(dtype: dtype, device: device, stepCache: stepCache) }

    /// The model.
    ///
    /// - Returns: its configs, read
    /// - Throws: any error of a bad checkpoint
    package func open() throws -> any ModelFamily {
        try Catalog.model(at: model, allowingUnknown: allowsUnknown)
    }
}
