import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing
import Tokenizers

/// The same model, stored in the ways that checkpoints of different ages have.
@DeviceActor @Suite struct CheckpointVariantTests {
    @Test func isTheSameFromOneFileAndFromShards() throws {
        let copy = try TinyCheckpoint()
        try copy.rewriteTensors(of: "transformer") { _ in }
        #expect(try CheckpointFiles.locate(in: copy.file("transformer")).isSingle)
        #expect(try !CheckpointFiles.locate(in: "\(TinyCheckpoint.path())/transformer").isSingle)
        #expect(try TinyModel(copy).image() == TinyModel().image())
    }

    @Test func isTheSameFromManyShards() throws {
        let copy = try TinyCheckpoint(copying: "flux1-tiny-schnell")
        let folder = copy.file("transformer")
        let file = try SafetensorsFile(path: "\(folder)/diffusion_pytorch_model.safetensors")
        var map: [String: String] = [:]
        for (number, entry) in file.entries.enumerated() { map[entry.name] = "shard-\(number % 5).safetensors" }
        for shard in Set(map.values) {
            let tensors = file.entries.filter { map[$0.name] == shard }.map {
                SafetensorsWriter.Tensor(
                    name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [UInt8](file.bytes(of: $0)))
            }
            try SafetensorsWriter.write(tensors, to: "\(folder)/\(shard)")
        }
        let index = try JSONSerialization.data(withJSONObject: ["metadata": [:] as [String: Int], "weight_map": map])
        try index.write(to: URL(fileURLWithPath: "\(folder)/diffusion_pytorch_model.safetensors.index.json"))
        try copy.remove("transformer/diffusion_pytorch_model.safetensors")
        #expect(try TinyModel(copy).image() == TinyModel("flux1-tiny-schnell").image())
    }

    @Test(arguments: TinyCheckpoint.models) func readsCLIPWithAndWithoutItsPrefix(_ model: String) throws {
        let copy = try TinyCheckpoint(copying: model)
        let prefix = "text_model."
        try copy.rewriteTensors(of: "text_encoder") { tensors in
            tensors = tensors.map {
                $0.renamed($0.name.hasPrefix(prefix) ? String($0.name.dropFirst(prefix.count)) : prefix + $0.name)
            }
        }
        #expect(try TinyModel(copy).image() == TinyModel(model).image())
    }

    private static let tables = ["shared.weight", "encoder.embed_tokens.weight"]

    private static func isTable(_ tensor: SafetensorsWriter.Tensor) -> Bool { tables.contains(tensor.name) }

    @Test(arguments: TinyCheckpoint.models) func readsT5UnderEveryNameOfItsTable(_ model: String) throws {
        for kept in [[Self.tables[0]], [Self.tables[1]], Self.tables] {
            let copy = try TinyCheckpoint(copying: model)
            try copy.rewriteTensors(of: "text_encoder_2") { tensors in
                // Loops: with closures here, Swift 6.3.1's optimiser fails or goes wrong in silence.
                var others: [SafetensorsWriter.Tensor] = []
                var table: SafetensorsWriter.Tensor?
                for tensor in tensors {
                    if Self.isTable(tensor) { table = tensor } else { others.append(tensor) }
                }
                for name in kept { others.append(try #require(table).renamed(name)) }
                tensors = others
            }
            #expect(try TinyModel(copy).image() == TinyModel(model).image())
        }
    }

    @Test(arguments: TinyCheckpoint.models) func tokenizesAlikeWithoutTokenizerJSON(_ model: String) throws {
        let texts =
            try Golden.flux1Cases.flatMap { try Golden("flux1/\($0)").request().prompts }
            + ["", " ", "two  blanks", "don't", "ÀÉÎ über naïve", "日本語", "🙂🙃", "<|endoftext|>", "a\nb\tc"]
        for (folder, length) in [("tokenizer", 77), ("tokenizer_2", 64)] {
            let copy = try TinyCheckpoint(copying: model)
            try copy.remove("\(folder)/tokenizer.json")
            let ids = try [copy.path, TinyCheckpoint.path(of: model)].map { path in
                try Tokenizer(folder: "\(path)/\(folder)")
                    .encode(texts, maxLength: length, padding: .maxLength, truncation: .maxLength).map(\.ids)
            }
            #expect(ids[0] == ids[1], "\(folder)")
        }
    }

    @Test func isTheSameFromHalfPrecisionWeightsThatLostNothing() throws {
        let copy = try TinyCheckpoint()
        try copy.rewriteTensors(of: "vae") { tensors in
            tensors = tensors.map { tensor in
                let floats = tensor.bytes.withUnsafeBytes { [Float]($0.bindMemory(to: Float.self)) }
                let bits = floats.map { UInt16($0.bitPattern >> 16) }
                return .init(
                    name: tensor.name, dtype: .bfloat16, shape: tensor.shape,
                    bytes: bits.withUnsafeBytes { [UInt8]($0) })
            }
        }
        let rounded = try TinyCheckpoint()
        try rounded.rewriteTensors(of: "vae") { tensors in
            tensors = tensors.map { tensor in
                let floats = tensor.bytes.withUnsafeBytes { [Float]($0.bindMemory(to: Float.self)) }
                return .init(
                    name: tensor.name, shape: tensor.shape,
                    floats: floats.map { Float(bitPattern: $0.bitPattern & 0xFFFF_0000) })
            }
        }
        #expect(try TinyModel(copy).image() == TinyModel(rounded).image())
    }
}

extension CheckpointFiles {
    fileprivate var isSingle: Bool { if case .single = self { true } else { false } }
}
