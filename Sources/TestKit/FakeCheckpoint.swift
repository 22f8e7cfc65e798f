internal import Diffusion
internal import Foundation
internal import Layers

/// A checkpoint of ``FakeFamily`` with random weights, in a temporary folder that goes with this object.
package final class FakeCheckpoint: Sendable {
    private let folder: TemporaryFolder
    /// The family's model in it.
    package let model: FakeFamily

    /// - Throws: an error of the file system
    package init() throws {
        folder = try TemporaryFolder()
        let path = folder.file("")
        let classes = ["text_encoder": "FakeText", "transformer": "DiT", "vae": "FakeVAE"]
        let index = classes.map { #", "\#($0)": ["fake", "\#($1)"]"# }.joined()
        try Data(#"{"_class_name": "FakePipeline"\#(index)}"#.utf8).write(to: URL(filePath: "\(path)/model_index.json"))
        for name in classes.keys {
            try FileManager.default.createDirectory(atPath: "\(path)/\(name)", withIntermediateDirectories: true)
            try Data("{}".utf8).write(to: URL(filePath: "\(path)/\(name)/config.json"))
        }
        model = try FakeFamily(CheckpointFolder(path))
        var generator = SplitMix(state: 1)
        for component in model.components {
            let tensors = try component.listing(of: nil).entries.map { key, shape in
                let isNorm = shape.count == 1 && key.hasSuffix("weight")
                return SafetensorsWriter.Tensor(
                    name: key, shape: shape,
                    floats: (0..<shape.reduce(1, *)).map { _ in
                        (isNorm ? 1 : 0) + Float.random(in: -0.3...0.3, using: &generator)
                    })
            }
            try SafetensorsWriter.write(tensors, to: "\(path)/\(component.name)/model.safetensors")
        }
    }
}
