import Layers
import TestKit

/// A component's folder with a few tensors of its own.
struct TinyWeights {
    let folder: TemporaryFolder

    /// - Parameter tensors: of 32-bit floats, each with its shape; the numbers count up from 1
    init(_ tensors: KeyValuePairs<String, [Int]>) throws {
        try self.init(
            tensors.map { name, shape in
                let count = shape.reduce(1, *)
                return SafetensorsWriter.Tensor(name: name, shape: shape, floats: (0..<count).map { Float($0 + 1) })
            })
    }

    init(_ tensors: [SafetensorsWriter.Tensor]) throws {
        folder = try TemporaryFolder()
        try SafetensorsWriter.write(tensors, to: folder.file("model.safetensors"))
    }

    func source() throws -> CheckpointWeights { try CheckpointWeights(folder: folder.path) }

    func view(_ plan: ComputePlan = ComputePlan()) throws -> Weights { Weights(try source(), plan: plan) }
}
