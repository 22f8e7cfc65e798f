import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Checkpoints with more than the model reads.
@DeviceActor @Suite struct SurplusTests {
    private func tensor(_ name: String) -> SafetensorsWriter.Tensor { .init(name: name, shape: [2], floats: [1, 2]) }

    private func imageAndSurplus(
        _ copy: TinyCheckpoint, of component: String
    ) throws -> (image: PixelBatch, known: [String]) {
        let model = TinyModel(copy)
        let part = try #require(model.model().components.first { $0.name == component })
        let names = try CheckpointWeights(part.place).keys
        let surplus = try part.listing(of: Set(names)).surplus(of: names)
        #expect(surplus.unknown.isEmpty)
        return (try model.image(), surplus.known)
    }

    /// `CLIPTextModelWithProjection`, and a whole `CLIPModel`, whose config holds the text encoder's.
    @Test(arguments: [false, true]) func leavesOutTheRestOfCLIP(_ isWhole: Bool) throws {
        let copy = try TinyCheckpoint()
        var rest = ["text_projection.weight"]
        if isWhole {
            rest += ["logit_scale", "visual_projection.weight", "vision_model.encoder.layers.0.mlp.fc1.bias"]
            try copy.editJSON("text_encoder/config.json") { config in
                // As transformers 4.16 wrote it.
                let more: [String: Any] = [
                    "max_length": 20, "temperature": 1.0, "top_k": 50, "id2label": ["0": "LABEL_0"],
                    "pruned_heads": [:] as [String: Int], "bad_words_ids": NSNull(), "is_decoder": false,
                    "num_return_sequences": 1, "length_penalty": 1.0,
                ]
                config = [
                    "_name_or_path": "clip", "model_type": "clip", "logit_scale_init_value": 2.6592,
                    "projection_dim": 8,
                    "text_config": config.merging(more) { $1 }, "vision_config": ["hidden_size": 7],
                    "text_config_dict": NSNull(), "architectures": ["CLIPModel"],
                ]
            }
        }
        try copy.rewriteTensors(of: "text_encoder") { $0 += rest.map(tensor) }
        let (image, known) = try imageAndSurplus(copy, of: "text_encoder")
        #expect(image == (try TinyModel().image()))
        #expect(known == (rest + ["text_model.embeddings.position_ids"]).sorted())
    }

    @Test func leavesOutTheRestOfT5() throws {
        let copy = try TinyCheckpoint()
        let rest = ["decoder.block.0.layer.1.EncDecAttention.q.weight", "decoder.embed_tokens.weight", "lm_head.bias"]
        try copy.rewriteTensors(of: "text_encoder_2") { $0 += rest.map(tensor) }
        let (image, known) = try imageAndSurplus(copy, of: "text_encoder_2")
        #expect(image == (try TinyModel().image()))
        #expect(rest.allSatisfy(known.contains))
    }

    @Test func leavesOutTheRestOfCLIPForImages() throws {
        let rest = ["logit_scale", "text_model.norm.bias", "text_projection.weight"]
        let copy = try TinyCheckpoint(copying: "wan2.1-tiny-i2v")
        try copy.rewriteTensors(of: "image_encoder") { $0 += rest.map(tensor) }
        let model = try TinyModel(copy).model()
        #expect(try model.weights(ComputePlan())["image_encoder"] != nil)
        try copy.rewriteTensors(of: "image_encoder") { $0.append(tensor("text_modelling")) }
        #expect(throws: WeightError.self) { try model.weights(ComputePlan()) }
        withExtendedLifetime(copy) {}
    }

    @Test(arguments: ["text_encoder", "text_encoder_2", "transformer", "vae"])
    func refusesWhatNobodyKnowsUnlessAllowed(_ component: String) throws {
        let copy = try TinyCheckpoint()
        try copy.rewriteTensors(of: component) { $0.append(tensor("decoder_ema.weight")) }
        let error = try #require(throws: WeightError.self) { try TinyModel(copy).image() }
        #expect(error == .unread(["decoder_ema.weight"], in: copy.file(component)))
        let model = try Catalog.model(at: copy.path, allowingUnknown: true)
        let pipeline = try model.load(PipelineOptions())
        try pipeline.prepare { _ in }
        withExtendedLifetime(copy) {}
    }
}

/// Indices that do not say exactly what their files hold.
@DeviceActor @Suite struct InexactIndexTests {
    /// The text encoder in two files, with an index of its names but for changes.
    private func sharded(_ change: (inout [String: String]) -> Void) throws -> TinyCheckpoint {
        let copy = try TinyCheckpoint()
        let folder = copy.file("text_encoder_2")
        let file = try SafetensorsFile(path: "\(folder)/model.safetensors")
        var map: [String: String] = [:]
        var shards: [String: [SafetensorsWriter.Tensor]] = [:]
        for (number, entry) in file.entries.enumerated() {
            let shard = "model-0000\(number % 2 + 1)-of-00002.safetensors"
            map[entry.name] = shard
            shards[shard, default: []].append(
                .init(name: entry.name, dtype: entry.dtype, shape: entry.shape, bytes: [UInt8](file.bytes(of: entry))))
        }
        for (shard, tensors) in shards { try SafetensorsWriter.write(tensors, to: "\(folder)/\(shard)") }
        change(&map)
        let index = try JSONSerialization.data(withJSONObject: ["weight_map": map])
        try index.write(to: URL(fileURLWithPath: "\(folder)/model.safetensors.index.json"))
        try copy.remove("text_encoder_2/model.safetensors")
        return copy
    }

    @Test func doNotMatterWhereTheModelReadsNothing() throws {
        let copy = try sharded { map in
            map["decoder.final_layer_norm.weight"] = "model-00001-of-00002.safetensors"
            map["lm_head.weight"] = "model-00003-of-00002.safetensors"
            for omitted in ["encoder.embed_tokens.weight", "encoder.final_layer_norm.weight"] { map[omitted] = nil }
        }
        #expect(try TinyModel(copy).image() == TinyModel().image())
    }

    @Test func areRefusedWhereTheModelReads() throws {
        let copy = try sharded { _ in }
        try copy.remove("text_encoder_2/model-00002-of-00002.safetensors")
        let error = try #require(throws: WeightError.self) { try TinyModel(copy).image() }
        #expect("\(error)".contains("model-00002-of-00002.safetensors") && "\(error)".contains("is missing"))
    }
}
