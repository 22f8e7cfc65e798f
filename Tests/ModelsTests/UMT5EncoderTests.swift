import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct UMT5EncoderTests {
    private let golden: Golden
    private let model = TinyModel("wan-umt5")

    init() throws { golden = try Golden("wan/umt5") }

    private func encoder(_ dtype: DType = .float32) throws -> T5Encoder {
        try model.module("text_encoder", plan: ComputePlan(dtype: dtype), T5Encoder.init)
    }

    private var ids: [[Int32]] { get throws { try golden.tensor("input_ids").rows } }
    private var mask: [[Int32]] { get throws { try golden.tensor("attention_mask").rows } }

    @Test func agreesWithTheReferenceOnAPaddedBatch() throws {
        let states = try encoder()(ids, mask: mask)
        #expect(try states.distance(to: golden.tensor("last_hidden_state")) <= 1e-5)
    }

    @Test func agreesWithTheReferenceWithoutAMask() throws {
        #expect(try encoder()(ids).distance(to: golden.tensor("unmasked")) <= 1e-5)
    }

    /// An encoder cut after some blocks gives their states, after the final norm.
    @Test(arguments: [1, 2, 3]) func agreesWithTheReferenceBlockByBlock(_ blocks: Int) throws {
        let weights = try model.weights("text_encoder")
        var config: T5Config = try model.config("text_encoder")
        config.numLayers = blocks
        let states = try T5Encoder(weights, config)(ids, mask: mask)
        let norm = try RMSNorm(
            weights["encoder"]["final_layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        let expected = try norm(golden.tensor("block.\(blocks - 1)").onDevice())
        #expect(try states.distance(to: expected, "block \(blocks - 1)") <= 1e-5)
    }

    @Test func doesNotSeeWhatTheMaskHides() throws {
        let encoder = try encoder()
        let texts: [[Int32]] = [[5, 6, 7, 1, 0, 0], [5, 6, 7, 1, 30, 31]]
        let states = try encoder(texts, mask: [[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0]]).slice(0..<4, axis: 1)
        #expect(try states.slice(0..<1, axis: 0).distance(to: states.slice(1..<2, axis: 0)) <= 1e-6)
        #expect(try states.slice(0..<1, axis: 0).distance(to: encoder([[5, 6, 7, 1]])) <= 1e-5)
    }

    @Test func takesAMaskThatHidesNothingForNone() throws {
        let encoder = try encoder()
        let texts: [[Int32]] = [[5, 6, 7, 1], [8, 9, 10, 1]]
        #expect(try encoder(texts, mask: [[1, 1, 1, 1], [1, 1, 1, 1]]).distance(to: encoder(texts)) == 0)
    }

    /// In half precision the states are at least as close to those of single precision as the reference's own are.
    @Test func isAsCloseAsTheReferenceInHalfPrecision() throws {
        let states = try encoder(.float16)(ids, mask: mask)
        #expect(states.dtype == .float16)
        let exact = try golden.tensor("last_hidden_state")
        let reference = try golden.tensor("float16").onDevice().to(.float32).distance(to: exact)
        #expect(reference <= 0.1)
        #expect(try states.distance(to: exact) <= reference.value)
    }

    @Test func sumsInHalfPrecisionWhatHalfPrecisionCannotHold() throws {
        let copy = try TinyCheckpoint(copying: "wan-umt5")
        try copy.rewriteTensors(of: "text_encoder") { tensors in
            tensors = tensors.map { tensor in
                guard tensor.name.contains(".wo.") else { return tensor }
                let scaled = tensor.bytes.withUnsafeBytes { bytes in
                    bytes.bindMemory(to: Float.self).flatMap { withUnsafeBytes(of: $0 * 60_000, Array.init) }
                }
                return .init(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: scaled)
            }
        }
        let half: T5Encoder = try TinyModel(copy).module(
            "text_encoder", plan: ComputePlan(dtype: .float16), T5Encoder.init)
        let single: T5Encoder = try TinyModel(copy).module("text_encoder", T5Encoder.init)
        #expect(try half(ids, mask: mask).distance(to: single(ids, mask: mask)) <= 2e-2)
    }

    @Test func readsTheTableUnderEitherName() throws {
        let copy = try TinyCheckpoint(copying: "wan-umt5")
        try copy.rewriteTensors(of: "text_encoder") { tensors in
            tensors = tensors.map { $0.name == "shared.weight" ? $0.renamed("encoder.embed_tokens.weight") : $0 }
        }
        let encoder: T5Encoder = try TinyModel(copy).module("text_encoder", T5Encoder.init)
        #expect(try encoder(ids, mask: mask).distance(to: golden.tensor("last_hidden_state")) <= 1e-5)
    }

    @Test func missesTheTableOfALayerByName() throws {
        let copy = try TinyCheckpoint(copying: "wan-umt5")
        let key = "encoder.block.1.layer.0.SelfAttention.relative_attention_bias.weight"
        try copy.rewriteTensors(of: "text_encoder") { tensors in tensors.removeAll { $0.name == key } }
        let error = try #require(throws: WeightError.self) {
            try TinyModel(copy).module("text_encoder", T5Encoder.init)
        }
        #expect(error.description.contains(key))
    }
}
