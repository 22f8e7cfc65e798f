internal import Foundation
package import Layers

/// A tiny random checkpoint in Diffusers layout: the committed one, or a copy that a test may damage.
package final class TinyCheckpoint: Sendable {
    /// The tiny checkpoints there are.
    package static let models = ["flux1-tiny-dev", "flux1-tiny-schnell"]

    /// The folder of a committed checkpoint; only to be read.
    ///
    /// - Parameter model: one of ``models``
    /// - Returns: its path
    package static func path(of model: String = "flux1-tiny-dev") -> String {
        "\(Golden.folder)/checkpoints/\(model)"
    }

    private let folder: TemporaryFolder
    /// The copy's folder.
    package let path: String

    /// Copies a checkpoint to a temporary folder, which goes with this object.
    ///
    /// - Parameter model: one of ``models``
    /// - Throws: an error of the file system
    package init(copying model: String = "flux1-tiny-dev") throws {
        folder = try TemporaryFolder()
        path = folder.file(model)
        try FileManager.default.copyItem(atPath: Self.path(of: model), toPath: path)
    }

    /// The path of one of its files.
    ///
    /// - Parameter name: below the checkpoint's folder
    /// - Returns: the path
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Changes the object in a JSON file.
    ///
    /// - Parameters:
    ///   - name: the file
    ///   - change: what to do with its keys and values
    /// - Throws: an error of the file system or of JSON
    package func editJSON(_ name: String, _ change: (inout [String: Any]) -> Void) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
        var values = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
        change(&values)
        try JSONSerialization.data(withJSONObject: values).write(to: URL(fileURLWithPath: file(name)))
    }

    /// Puts a text in place of a file.
    ///
    /// - Parameters:
    ///   - name: the file
    ///   - text: its new content
    /// - Throws: an error of the file system
    package func replace(_ name: String, with text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
    }

    /// Cuts a file.
    ///
    /// - Parameters:
    ///   - name: the file
    ///   - bytes: how many are left; nil leaves half
    /// - Throws: an error of the file system
    package func truncate(_ name: String, to bytes: Int? = nil) throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
        try data.prefix(bytes ?? data.count / 2).write(to: URL(fileURLWithPath: file(name)))
    }

    /// Removes a file or folder.
    ///
    /// - Parameter name: which
    /// - Throws: an error of the file system
    package func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    /// Writes a component's tensors anew as one file, changed.
    ///
    /// - Parameters:
    ///   - component: its folder
    ///   - metadata: of the file; nil leaves that of the first one
    ///   - change: what to do with the tensors
    /// - Throws: an error of the file system or ``SafetensorsError``
    package func rewriteTensors(
        of component: String, metadata: [String: String]? = nil,
        _ change: (inout [SafetensorsWriter.Tensor]) throws -> Void
    ) throws {
        let checkpoint = try SafetensorsCheckpoint(CheckpointFiles.locate(in: file(component)))
        var tensors = checkpoint.names.compactMap { name in
            checkpoint[name].map { entry, file in
                SafetensorsWriter.Tensor(
                    name: name, dtype: entry.dtype, shape: entry.shape, bytes: [UInt8](file.bytes(of: entry)))
            }
        }
        try change(&tensors)
        for name in try FileManager.default.contentsOfDirectory(atPath: file(component))
        where name.contains(".safetensors") {
            try remove("\(component)/\(name)")
        }
        let name = component.hasPrefix("text_encoder") ? "model" : "diffusion_pytorch_model"
        let known = metadata ?? checkpoint.files.first?.metadata ?? [:]
        try SafetensorsWriter.write(tensors, metadata: known, to: file("\(component)/\(name).safetensors"))
    }
}

extension SafetensorsWriter.Tensor {
    /// The same bytes under another name.
    ///
    /// - Parameter name: the new name
    /// - Returns: the tensor
    package func renamed(_ name: String) -> Self { Self(name: name, dtype: dtype, shape: shape, bytes: bytes) }

    /// The same bytes in another shape.
    ///
    /// - Parameter shape: the new shape, of as many elements
    /// - Returns: the tensor
    package func reshaped(_ shape: [Int]) -> Self { Self(name: name, dtype: dtype, shape: shape, bytes: bytes) }
}
