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
        CatalogEntry("Cosmos3", classNameHas: [["Cosmos3"]]),
        CatalogEntry("LTX-2", classNameHas: [["LTX2"]], embeddedConfigHas: [["transformer"], ["vae", "audio_vae"]]),
    ]

    /// The families in this build.
    package static var families: [any ModelFamily.Type] { entries.compactMap(\.family) }

    /// Opens a model of a family in this build.
    ///
    /// - Parameters:
    ///   - path: a folder in Diffusers layout
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    /// - Returns: the checkpoint
    /// - Throws: ``CheckpointError``, which names what was recognised or found, ``ConfigError`` or ``SafetensorsError``
    package static func checkpoint(at path: String, allowingUnknown: Bool = false) throws -> CheckpointFolder {
        if let file = try EmbeddedConfig(at: path) {
            for entry in entries where entry.isOf(embeddedConfig: file.keys) {
                throw CheckpointError.familyNotInBuild(entry.name, found: file.path)
            }
            if file.path == path { throw CheckpointError.noEmbeddedConfig(path, found: file.keys.sorted()) }
        }
        let checkpoint = try CheckpointFolder(path, allowingUnknown: allowingUnknown)
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
    ///   - path: a folder in Diffusers layout
    ///   - allowingUnknown: whether unknown config keys and tensors are skipped instead of refused
    /// - Returns: the model
    /// - Throws: as ``checkpoint(at:allowingUnknown:)``
    package static func model(at path: String, allowingUnknown: Bool = false) throws -> any ModelFamily {
        try model(checkpoint(at: path, allowingUnknown: allowingUnknown))
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
