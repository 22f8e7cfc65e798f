internal import Foundation
package import Layers

/// A tiny checkpoint of LTX-2 as one file: which of the folder's tensors it has under which names, and its header.
package struct SingleFileGolden {
    private struct Content: Decodable {
        let model: String
        let tensors: [String: String]
        let metadata: [String: String]
        let upsampler_metadata: [String: String]
    }

    /// The name of the checkpoint in Diffusers layout.
    package let model: String
    /// Of each component by its name in `model_index.json`, the folder's keys by the file's names.
    package let keys: [String: [String: String]]
    /// What the file holds.
    package var tensors: [SafetensorsWriter.Tensor]
    /// What its header says besides.
    package var metadata: [String: String]
    /// The same of the file of the latent upsampler.
    package let upsamplerMetadata: [String: String]

    /// - Parameter version: `2.0` or `2.3`
    /// - Throws: `DecodingError`, or an error of a file
    package init(_ version: String) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.folder)/ltx2/single-file-\(version).json"))
        let content = try JSONDecoder().decode(Content.self, from: data)
        (model, metadata, upsamplerMetadata) = (content.model, content.metadata, content.upsampler_metadata)
        var keys: [String: [String: String]] = [:]
        var tensors: [SafetensorsWriter.Tensor] = []
        var components: [String: SafetensorsCheckpoint] = [:]
        for (name, source) in content.tensors.sorted(by: { $0.key < $1.key }) {
            let parts = source.split(separator: "/", maxSplits: 1).map(String.init)
            let folder = TinyCheckpoint.path(of: "\(content.model)/\(parts[0])")
            let checkpoint = try components[parts[0]] ?? SafetensorsCheckpoint(CheckpointFiles.locate(in: folder))
            components[parts[0]] = checkpoint
            guard let (entry, file) = checkpoint[parts[1]] else { throw WeightError.missing(source, in: folder) }
            tensors.append(
                SafetensorsWriter.Tensor(
                    name: name, dtype: entry.dtype, shape: entry.shape, bytes: [UInt8](file.bytes(of: entry))))
            keys[parts[0], default: [:]][name] = parts[1]
        }
        (self.keys, self.tensors) = (keys, tensors)
    }

    /// Changes the config in the header.
    ///
    /// - Parameter change: what to do with its keys and values
    /// - Throws: an error of JSON
    package mutating func editConfig(_ change: (inout [String: Any]) -> Void) throws {
        let data = Data((metadata["config"] ?? "").utf8)
        var config = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        change(&config)
        metadata["config"] = String(decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
    }

    /// Writes the file.
    ///
    /// - Parameter path: where
    /// - Throws: ``SafetensorsError``
    package func write(to path: String) throws(SafetensorsError) {
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
    }
}
