package import Diffusion
internal import Layers
internal import Models
internal import Tensors

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
    /// How it is opened.
    package var options = PipelineOptions(ComputePlan(dtype: .bfloat16))
    /// How many threads one operation may use; nil for as many as may run at once.
    package var threads: Int?
    /// Whether config keys and tensors that this build does not know are skipped instead of refused.
    package var allowsUnknown = false
    /// What the user sets for the whole model.
    package var pipelineConfig: [String: ParameterValue] = [:]
    package var warmUp = WarmUp.none

    /// - Parameter model: the checkpoint's folder
    package init(model: String) { self.model = model }

    /// The model.
    ///
    /// - Returns: its configs, read
    /// - Throws: any error of a bad checkpoint
    package func open() throws -> any ModelFamily {
        try Catalog.model(at: model, allowingUnknown: allowsUnknown, pipelineConfig: pipelineConfig)
    }
}
