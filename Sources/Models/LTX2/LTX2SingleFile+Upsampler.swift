internal import Diffusion
internal import Files
internal import Foundation
package import Layers

extension LTX2.SingleFile {
    /// Where a latent upsampler lies: a folder with one, in Diffusers layout, or a safetensors file as its authors give it.
    ///
    /// - Parameter path: the folder, one in which it is `latent_upsampler`, or the file
    /// - Returns: the place
    /// - Throws: ``CheckpointError``, ``ConfigError`` or ``SafetensorsError``
    package static func upsampler(at path: String) throws -> ComponentPlace {
        for folder in ["\(path)/latent_upsampler", path]
        where FileManager.default.fileExists(atPath: "\(folder)/config.json") {
            return .folder(folder)
        }
        let files = try EmbeddedConfig.all(at: path).filter { $0.config["_class_name"] as? String == "LatentUpsampler" }
        guard let found = files.first, files.count == 1 else { throw CheckpointError.noUpsampler(at: path) }
        do throws(ConfigFault) {
            let names = found.file.entries.map { (ExactText($0.name), $0.name) }
            return .part(
                SingleFilePart(
                    "latent_upsampler", class: "LTX2LatentUpsamplerModel",
                    config: try upsampler(ConfigValues(found.config)),
                    names: Dictionary(names) { first, _ in first }, of: found.file))
        } catch {
            throw ConfigError(file: found.path, fault: error)
        }
    }

    /// A header's config in the keys of Diffusers, which are others and have other defaults.
    private static func upsampler(_ header: ConfigValues) throws(ConfigFault) -> [String: Any] {
        let config: [String: Any] = [
            "in_channels": try header.count("in_channels", or: 128),
            "mid_channels": try header.count("mid_channels", or: 512),
            "num_blocks_per_stage": try header.count("num_blocks_per_stage", or: 4),
            "dims": try header.count("dims", or: 3),
            "spatial_upsample": try header.value("spatial_upsample", or: true),
            "temporal_upsample": try header.value("temporal_upsample", or: false),
            "rational_spatial_scale": try header.value("spatial_scale", or: 2.0),
            "use_rational_resampler": try header.value("rational_resampler", or: false),
        ]
        guard header.unknown.isEmpty else { throw .unknown(header.unknown) }
        return config
    }
}
