package import Layers

/// One part of a pipeline: its config, read and checked, and how to make its module from weights.
package struct Component<Module> {
    /// Its folder's name in the checkpoint.
    package let name: String
    /// Its folder.
    package let folder: String
    /// Config keys that were skipped as they cannot matter, or because the user allowed it.
    package let skippedKeys: [String]
    private let make: (Weights) throws -> Module

    /// Reads a component's config.
    ///
    /// - Parameters:
    ///   - name: its name in `model_index.json`
    ///   - checkpoint: the checkpoint
    ///   - classes: the classes this build has for it
    ///   - make: makes the module
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package init<Config: ModelConfig>(
        _ name: String, in checkpoint: CheckpointFolder, classes: [String],
        _ make: @escaping (Weights, Config) throws -> Module
    ) throws {
        folder = try checkpoint.folder(name, classes: classes)
        let (config, skipped) = try Config.read(
            "\(folder)/config.json", allowingUnknown: checkpoint.allowsUnknownConfig)
        self.name = name
        skippedKeys = skipped
        self.make = { try make($0, config) }
    }

    /// Makes the module from the checkpoint's weights, all of which must be read.
    ///
    /// - Parameter plan: how it computes
    /// - Returns: the module
    /// - Throws: ``SafetensorsError``, ``WeightError`` or ``TensorError``
    package func load(_ plan: ExecutionPlan) throws -> Module {
        let weights = Weights(try CheckpointWeights(folder: folder), plan: plan)
        let module = try make(weights)
        try weights.requireAllRead()
        return module
    }
}

/// A component of any module, as far as inspection needs it.
package protocol InspectableComponent {
    var name: String { get }
    var folder: String { get }
    var skippedKeys: [String] { get }

    /// Every key and shape that the module asks for, and the keys it would pass over.
    ///
    /// - Parameter checkpoint: the keys of a checkpoint, whose spellings are followed; nil takes the published ones
    /// - Returns: the listing
    /// - Throws: ``TensorError``
    func listing(of checkpoint: Set<String>?) throws -> WeightListing
}

extension Component: InspectableComponent {
    package func listing(of checkpoint: Set<String>?) throws -> WeightListing {
        let listing = WeightListing(of: checkpoint)
        _ = try make(Weights(listing))
        return listing
    }
}
