import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct CLIPTextModelTests {
    private let variants = ["dev", "schnell"]

    @Test(arguments: ["dev", "schnell"]) func agreesWithTheReference(_ variant: String) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let (states, pooled) = try TinyModel("flux1-tiny-\(variant)").clip()(
            golden.tensor("text_encoder.input_ids").rows)
        #expect(try states.distance(to: golden.tensor("text_encoder.last_hidden_state")) <= 1e-5)
        #expect(try pooled.distance(to: golden.tensor("text_encoder.pooled")) <= 1e-5)
    }

    /// An encoder cut after some layers gives their states, after the final norm.
    @Test(arguments: ["dev", "schnell"], [1, 2])
    func agreesWithTheReferenceLayerByLayer(_ variant: String, _ layers: Int) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let model = TinyModel("flux1-tiny-\(variant)")
        let weights = try model.weights("text_encoder")
        var config: CLIPTextConfig = try model.config("text_encoder")
        config.numHiddenLayers = layers
        let states = try CLIPTextModel(weights, config)(golden.tensor("text_encoder.input_ids").rows).states
        let part = weights.first(of: ["text_model", ""], having: "final_layer_norm.weight")["final_layer_norm"]
        let norm = try LayerNorm(part, size: config.hiddenSize, epsilon: config.layerNormEps)
        let expected = try norm(golden.tensor("text_encoder.layers.\(layers - 1)").onDevice())
        #expect(try states.distance(to: expected, "layer \(layers - 1)") <= 1e-5)
    }

    @Test(arguments: TinyCheckpoint.models) func doesNotSeeWhatComesLater(_ model: String) throws {
        let encoder = try TinyModel(model).clip()
        let texts: [[Int32]] = [[602, 5, 6, 7, 8, 603], [602, 5, 6, 9, 10, 603]]
        let states = try encoder(texts).states
        let (first, second) = try (states.slice(0..<1, axis: 0), states.slice(1..<2, axis: 0))
        #expect(try first.slice(0..<3, axis: 1).distance(to: second.slice(0..<3, axis: 1)) <= 1e-6)
        #expect(try first.slice(3..<6, axis: 1).distance(to: second.slice(3..<6, axis: 1)) > 1e-3)
    }

    @Test(arguments: TinyCheckpoint.models) func encodesEachTextAsIfAlone(_ model: String) throws {
        let encoder = try TinyModel(model).clip()
        let texts: [[Int32]] = [[602, 5, 6, 603], [602, 400, 603, 603], [602, 7, 8, 603]]
        let (states, pooled) = try encoder(texts)
        for (row, text) in texts.enumerated() {
            let alone = try encoder([text])
            #expect(try states.slice(row..<row + 1, axis: 0).distance(to: alone.states) <= 1e-6)
            #expect(try pooled.slice(row..<row + 1, axis: 0).distance(to: alone.pooled) <= 1e-6)
        }
    }

    /// The state that stands for the text is the one at the first end-of-text token, whatever pads follow.
    @Test(arguments: TinyCheckpoint.models) func poolsAtTheFirstEndOfText(_ model: String) throws {
        let (states, pooled) = try TinyModel(model).clip()([[602, 5, 603, 603, 603], [602, 5, 6, 7, 603]])
        #expect(try pooled.select(0, axis: 0).distance(to: states.select(0, axis: 0).select(2, axis: 0)) == 0)
        #expect(try pooled.select(1, axis: 0).distance(to: states.select(1, axis: 0).select(4, axis: 0)) == 0)
    }
}

@DeviceActor @Suite struct T5EncoderTests {
    /// 140 tokens: further apart than the greatest distance that has a bucket of its own.
    @Test(arguments: ["dev", "schnell"]) func agreesWithTheReference(_ variant: String) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let states = try TinyModel("flux1-tiny-\(variant)").t5()(golden.tensor("text_encoder_2.input_ids").rows)
        #expect(try states.distance(to: golden.tensor("text_encoder_2.last_hidden_state")) <= 1e-5)
    }

    /// An encoder cut after some blocks gives their states, after the final norm.
    @Test(arguments: ["dev", "schnell"], [1, 2])
    func agreesWithTheReferenceBlockByBlock(_ variant: String, _ blocks: Int) throws {
        let golden = try Golden("flux1/components-\(variant)")
        let model = TinyModel("flux1-tiny-\(variant)")
        let weights = try model.weights("text_encoder_2")
        var config: T5Config = try model.config("text_encoder_2")
        config.numLayers = blocks
        let states = try T5Encoder(weights, config)(golden.tensor("text_encoder_2.input_ids").rows)
        let norm = try RMSNorm(
            weights["encoder"]["final_layer_norm"], size: config.dModel, epsilon: config.layerNormEpsilon)
        let expected = try norm(golden.tensor("text_encoder_2.block.\(blocks - 1)").onDevice())
        #expect(try states.distance(to: expected, "block \(blocks - 1)") <= 1e-5)
    }

    @Test(arguments: TinyCheckpoint.models) func encodesEachTextAsIfAlone(_ model: String) throws {
        let encoder = try TinyModel(model).t5()
        let texts: [[Int32]] = [[5, 6, 7, 1, 0, 0], [9, 1, 0, 0, 0, 0], [5, 6, 7, 8, 9, 1]]
        let states = try encoder(texts)
        for (row, text) in texts.enumerated() {
            #expect(try states.slice(row..<row + 1, axis: 0).distance(to: encoder([text])) <= 1e-5)
        }
    }

    /// Attention goes both ways: the first token sees the last one.
    @Test func seesWhatComesLater() throws {
        let states = try TinyModel().t5()([[5, 6, 7, 1], [5, 6, 8, 1]])
        #expect(
            try states.select(0, axis: 0).select(0, axis: 0).distance(to: states.select(1, axis: 0).select(0, axis: 0))
                > 1e-4)
    }

    @Test(arguments: [
        ("relu", false, Activation.relu), ("gated-gelu", true, .geluNew), ("gated-silu", true, .silu),
        ("gelu_new", false, .geluNew),
    ])
    func readsTheKindOfFeedForward(_ name: String, _ isGated: Bool, _ activation: Activation) {
        var config = T5Config()
        config.feedForwardProj = name
        #expect(config.isGated == isGated)
        #expect(config.activation == activation)
    }

    /// transformers obeys what newer versions write beside it.
    @Test func refusesAnotherKindOfFeedForwardBesideIt() throws {
        func fault(_ values: [String: Any]) -> ConfigFault? {
            do throws(ConfigFault) {
                _ = try T5Config.read(
                    values.merging(["feed_forward_proj": "gated-gelu"]) { $1 }, allowingUnknown: false)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault(["dense_act_fn": "gelu_new", "is_gated_act": true]) == nil)
        #expect(fault(["dense_act_fn": NSNull(), "is_gated_act": NSNull()]) == nil)
        #expect(fault(["dense_act_fn": "relu"]) == .value("dense_act_fn", found: "\"relu\""))
        #expect(fault(["is_gated_act": false]) == .value("is_gated_act", found: "false"))
    }
}
