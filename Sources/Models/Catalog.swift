package import Diffusion
internal import Foundation

/// Every family of models in this build, and how those that are not are told.
package enum Catalog {
    /// One line a family, in the order in which the parts of class names are looked for.
    private static let entries = [
        CatalogEntry(Wan.self, classNameHas: [["Wan"]]),
        CatalogEntry(Flux2.self, classNameHas: [["Flux2"]]),
        CatalogEntry(Flux1.self, classNameHas: [["Flux"]]),
        CatalogEntry("Qwen-Image-Layered", classNameHas: [["QwenImageLayered"]]),
        CatalogEntry(QwenImage.self, classNameHas: [["QwenImage"]]),
        CatalogEntry(Cosmos3.self, classNameHas: [["Cosmos3"]]),
        CatalogEntry(
            LTX2.self, classNameHas: [["LTX2"]], embeddedConfigHas: [["transformer"], ["vae", "audio_vae"]],
            singleFile: LTX2.SingleFile.self),
    ]

    /// The families in this build.
    package static var families: [any ModelFamily.Type] { entries.compactMap(\.family) }

    /// Opens a model of a family in this build.
    ///
    /// - Parameters:
    ///   - path: a folder in Diffusers layout, or a file with a whole model, or a folder with such a file
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    ///   - pipelineConfig: what the user sets for the whole model
    /// - Returns: the checkpoint
    /// - Throws: ``CheckpointError``, which names what was recognised or found, ``ConfigError``, ``SafetensorsError`` or
    ///   ``WeightError``
    package static func checkpoint(
        at path: String, allowingUnknown: Bool = false, pipelineConfig: [String: ParameterValue] = [:]
    ) throws -> CheckpointFolder {
        let files = try EmbeddedConfig.all(at: path)
        let known = files.compactMap { file in
            entries.first { $0.isOf(embeddedConfig: file.keys) }.map { (file, $0) }
        }
        guard known.count <= 1 else {
            throw CheckpointError.severalModels(path, found: known.map { ($0.0.path as NSString).lastPathComponent })
        }
        if let (file, entry) = known.first {
            guard let layout = entry.singleFile else {
                throw CheckpointError.familyNotInBuild(entry.name, found: file.path)
            }
            let model = try layout.model(file.file, config: file.config, allowingUnknown: allowingUnknown)
            return CheckpointFolder(model, allowingUnknown: allowingUnknown, pipelineConfig: pipelineConfig)
        }
        if let file = files.first, file.path == path {
            throw CheckpointError.noEmbeddedConfig(path, found: file.keys.sorted())
        }
        let checkpoint = try CheckpointFolder(
            path, allowingUnknown: allowingUnknown, pipelineConfig: pipelineConfig)
        _ = try family(of: checkpoint)
        return checkpoint
    }

    /// The family that runs a checkpoint.
    ///
    /// A class that only reminds of a family is refused by name: the variants of a pipeline compute something else.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: its family
    package static func family(of checkpoint: CheckpointFolder) throws(CheckpointError) -> any ModelFamily.Type {
        let name = checkpoint.pipelineClass
        for family in families where family.pipelineClasses.contains(name) { return family }
        for entry in entries where entry.isOf(className: name) {
            guard let family = entry.family else { throw .familyNotInBuild(entry.name, found: name) }
            throw .pipelineVariant(name, family: entry.name, runs: family.pipelineClasses)
        }
        throw .pipelineClass(name, known: families.flatMap { $0.pipelineClasses })
    }

    /// Opens a model and reads its configs.
    ///
    /// - Parameters:
    ///   - path: as for ``checkpoint(at:allowingUnknown:pipelineConfig:)``
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    ///   - pipelineConfig: what the user sets for the whole model
    /// - Returns: the model
    /// - Throws: as ``checkpoint(at:allowingUnknown:pipelineConfig:)``
    package static func model(
        at path: String, allowingUnknown: Bool = false, pipelineConfig: [String: ParameterValue] = [:]
    ) throws -> any ModelFamily {
        try model(checkpoint(at: path, allowingUnknown: allowingUnknown, pipelineConfig: pipelineConfig))
    }

    /// Reads a model's configs.
    ///
    /// - Parameter checkpoint: the model
    /// - Returns: the model
    /// - Throws: ``CheckpointError`` or ``ConfigError``
    package static func model(_ checkpoint: CheckpointFolder) throws -> any ModelFamily {
        try family(of: checkpoint).init(checkpoint)
    }
}
