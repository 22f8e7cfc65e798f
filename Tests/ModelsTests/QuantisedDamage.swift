import Foundation
import Layers
import TestKit
import Testing

/// A way to damage a quantised checkpoint, and what the sentence about it must name.
struct QuantisedDamage: Sendable, CustomTestStringConvertible {
    let checkpoint, testDescription: String
    let names: [String]
    /// How the layers are asked to be quantised; nil for as they are.
    var asked: QuantizationPlan?
    let apply: @Sendable (TinyCheckpoint) throws -> Void

    /// Layers of FLUX.1.
    static let layer = "transformer_blocks.0.ff.net.2"
    static let query = "transformer_blocks.0.attn.to_q"

    init(
        _ checkpoint: String, _ description: String, names: String..., asked: QuantizationPlan? = nil,
        apply: @escaping @Sendable (TinyCheckpoint) throws -> Void = { _ in }
    ) {
        (self.checkpoint, testDescription) = (checkpoint, "\(checkpoint): \(description)")
        (self.names, self.asked, self.apply) = (names, asked, apply)
    }

    /// Another tensor in place of one.
    static func changing(
        _ checkpoint: String, _ key: String, _ description: String, names: String...,
        by change: @escaping @Sendable (SafetensorsWriter.Tensor) -> SafetensorsWriter.Tensor
    ) -> QuantisedDamage {
        var damage = QuantisedDamage(checkpoint, "\(key) \(description)") { copy in
            try copy.rewriteTensors(of: "transformer") { tensors in
                tensors = tensors.map { $0.name == key ? change($0) : $0 }
            }
        }
        damage = QuantisedDamage(checkpoint, damage.testDescription, all: names.isEmpty ? [key] : names, damage.apply)
        return damage
    }

    private init(
        _ checkpoint: String, _ description: String, all names: [String],
        _ apply: @escaping @Sendable (TinyCheckpoint) throws -> Void
    ) {
        (self.checkpoint, testDescription, self.names, self.apply) = (checkpoint, description, names, apply)
    }

    static func removing(_ checkpoint: String, _ key: String, names: String...) -> QuantisedDamage {
        QuantisedDamage(checkpoint, "no \(key)", all: names + [key]) { copy in
            try copy.rewriteTensors(of: "transformer") { $0.removeAll { $0.name == key } }
        }
    }

    static func adding(_ checkpoint: String, _ key: String, _ floats: [Float] = [1]) -> QuantisedDamage {
        QuantisedDamage(checkpoint, "\(key) too many", all: [key]) { copy in
            try copy.rewriteTensors(of: "transformer") {
                $0.append(.init(name: key, shape: floats.count == 1 ? [] : [floats.count], floats: floats))
            }
        }
    }

    /// One number in place of all, or of the first.
    static func number(_ checkpoint: String, _ key: String, _ number: Float) -> QuantisedDamage {
        changing(checkpoint, key, "\(number)") { tensor in
            var bytes = tensor.bytes
            withUnsafeBytes(of: number) { bytes.replaceSubrange(0..<4, with: $0) }
            return .init(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
        }
    }

    /// One byte in place of one in the middle.
    static func byte(_ checkpoint: String, _ key: String, _ byte: UInt8) -> QuantisedDamage {
        changing(checkpoint, key, "with \(byte)") { tensor in
            var bytes = tensor.bytes
            bytes[bytes.count / 2] = byte
            return .init(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
        }
    }

    /// Another shape, with as many bytes as it needs.
    static func shape(_ checkpoint: String, _ key: String, _ shape: [Int]) -> QuantisedDamage {
        changing(checkpoint, key, "\(shape)") { tensor in
            let count = shape.reduce(1, *) * tensor.dtype.byteSize
            let bytes = (0..<count).map { tensor.bytes[$0 % tensor.bytes.count] }
            return .init(name: tensor.name, dtype: tensor.dtype, shape: shape, bytes: bytes)
        }
    }

    /// The same bytes, or as many as are needed, as another type.
    static func type(_ checkpoint: String, _ key: String, _ dtype: SafetensorsDtype) -> QuantisedDamage {
        changing(checkpoint, key, dtype.rawValue, names: key, dtype.rawValue) { tensor in
            let count = tensor.shape.reduce(1, *) * dtype.byteSize
            return .init(
                name: tensor.name, dtype: dtype, shape: tensor.shape,
                bytes: (0..<count).map { tensor.bytes[$0 % tensor.bytes.count] })
        }
    }

    /// Another value in the checkpoint's own description.
    static func config(
        _ checkpoint: String, _ description: String, names: String...,
        by change: @escaping @Sendable (inout [String: Any]) -> Void
    ) -> QuantisedDamage {
        QuantisedDamage(checkpoint, description, all: names) { copy in
            try copy.editJSON("transformer/config.json") { values in
                var config = values["quantization_config"] as? [String: Any] ?? [:]
                change(&config)
                values["quantization_config"] = config
            }
        }
    }

    /// Other texts in the header of the weights.
    static func header(
        _ description: String, names: String..., by change: @escaping @Sendable (inout [String: String]) -> Void
    ) -> QuantisedDamage {
        QuantisedDamage("flux2-fp8-metadata", description, all: names) { copy in
            let path = copy.file("transformer/diffusion_pytorch_model.safetensors")
            var metadata = try SafetensorsFile(path: path).metadata
            change(&metadata)
            try copy.rewriteTensors(of: "transformer", metadata: metadata) { _ in }
        }
    }
}
