package import Diffusion

/// Every family of models in this build.
package enum Catalog {
    /// One line a family.
    package static let families: [any ModelFamily.Type] = [
        Flux1.self
    ]

    /// The family that runs a checkpoint.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: its family
    /// - Throws: ``CheckpointError/pipelineClass(_:known:)``
    package static func family(of checkpoint: CheckpointFolder) throws -> any ModelFamily.Type {
        for family in families where family.pipelineClasses.contains(checkpoint.pipelineClass) { return family }
        throw CheckpointError.pipelineClass(checkpoint.pipelineClass, known: families.flatMap { $0.pipelineClasses })
    }
}
