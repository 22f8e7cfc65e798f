import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// LoRA files that a model cannot take: one sentence each, which names the file and the key.
@DeviceActor @Suite struct LoRARefusalTests {
    typealias Written = SafetensorsWriter.Tensor

    private let folder: TemporaryFolder
    private var path: String { folder.file("a.safetensors") }
    nonisolated private static let module = "transformer.transformer_blocks.0.attn.to_q"
    nonisolated private static let down = "\(module).lora_A.weight"
    nonisolated private static let up = "\(module).lora_B.weight"

    init() throws { folder = try TemporaryFolder() }

    nonisolated private static func tensor(_ name: String, _ shape: Int..., value: Float = 0.5) -> Written {
        Written(name: name, shape: shape, floats: Array(repeating: value, count: shape.reduce(1, *)))
    }

    nonisolated private static let good = [tensor(down, 2, 32), tensor(up, 32, 2)]

    /// What is said of a file, as its path stands for it; nil if it is merged.
    private func complaint(_ tensors: [Written], metadata: [String: String] = [:], strict: Bool = true) throws
        -> String?
    {
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path)
        return try complaint(path, strict: strict)
    }

    private func complaint(
        _ path: String, strict: Bool = true, components: [String] = [], model: String = "flux1-tiny-dev"
    ) throws -> String? {
        let model = try TinyModel(model).model()
        var plan = ComputePlan()
        plan.loras = [LoRAPlan(path)]
        (plan.loras[0].isStrict, plan.loras[0].components) = (strict, components)
        do {
            try model.check(plan.loras)
            for component in model.components {
                let merge = try component.merge(plan)
                let weights = try CheckpointWeights(component.place, merging: merge)
                for key in merge.keys {
                    let shape = try #require(weights.checkpoint[key]).entry.shape
                    _ = try weights.tensor(key, shape: shape, plan: plan)
                }
            }
            return nil
        } catch {
            return "\(error)".replacing(folder.path, with: "DIR")
        }
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tensors: [Written]
        let sentence: String
        /// Whether it is merged without what does not fit, where that is allowed.
        var isFineUnlessStrict = false

        init(_ name: String, _ tensors: [Written], _ sentence: String, isFineUnlessStrict: Bool = false) {
            (testDescription, self.tensors, self.sentence) = (name, tensors, sentence)
            self.isFineUnlessStrict = isFineUnlessStrict
        }
    }

    nonisolated private static let bad = [
        Bad(
            "NaN", [tensor(down, 2, 32, value: .nan), tensor(up, 32, 2)],
            "DIR/a.safetensors: \(down) holds a number that is not finite"),
        Bad(
            "infinite", [tensor(down, 2, 32), tensor(up, 32, 2, value: -.infinity)],
            "DIR/a.safetensors: \(up) holds a number that is not finite"),
        Bad(
            "rank 0", [tensor(down, 0, 32), tensor(up, 32, 0)],
            "DIR/a.safetensors: \(down) has rank 0; a LoRA has a rank of at least 1"),
        Bad(
            "two ranks", [tensor(down, 3, 32), tensor(up, 32, 2)],
            "DIR/a.safetensors: \(down) has rank 3, but \(up) has rank 2"),
        Bad(
            "wider", [tensor(down, 2, 40), tensor(up, 32, 2)],
            "DIR/a.safetensors: \(down) has 40 inputs, but transformer_blocks.0.attn.to_q.weight has 32; "
                + "the LoRA is of another model"),
        Bad(
            "narrower", [tensor(down, 2, 32), tensor(up, 24, 2)],
            "DIR/a.safetensors: \(up) has 24 outputs, but transformer_blocks.0.attn.to_q.weight has 32; "
                + "the LoRA is of another model"),
        Bad("half a pair", [tensor(down, 2, 32)], "DIR/a.safetensors has \(down), but no lora_B beside it"),
        Bad("the other half", [tensor(up, 32, 2)], "DIR/a.safetensors has \(up), but no lora_A beside it"),
        Bad(
            "no matrix", [tensor(down, 64), tensor(up, 32, 2)],
            "DIR/a.safetensors: \(down) has shape [64]; it must be a matrix"),
        Bad(
            "integers",
            [Written(name: down, dtype: .int8, shape: [2, 32], bytes: .init(repeating: 1, count: 64)), good[1]],
            "DIR/a.safetensors: \(down) has type I8; a float type is needed"),
        Bad(
            "a part more", good + [tensor("transformer.other.lora_A.weight", 2, 32)],
            "DIR/a.safetensors has a tensor that no part of the model takes: \"transformer.other.lora_A.weight\" "
                + "(strict: false in runtime_lora_config skips them)", isFineUnlessStrict: true),
        Bad(
            "a foreign tensor", good + [tensor("some.other.tensor", 2)],
            "DIR/a.safetensors has a tensor that no part of the model takes: \"some.other.tensor\" "
                + "(strict: false in runtime_lora_config skips them)", isFineUnlessStrict: true),
        Bad(
            "a bias of a module without", [tensor("transformer_blocks.0.attn.norm_q.diff_b", 16)] + good,
            "DIR/a.safetensors has a tensor that no part of the model takes: \"transformer_blocks.0.attn.norm_q.diff_b\" "
                + "(strict: false in runtime_lora_config skips them)", isFineUnlessStrict: true),
        Bad(
            "another model's",
            ["down", "up"].map { tensor("lora_unet_input_blocks_4_1_proj_in.lora_\($0).weight", 2, 2) },
            "DIR/a.safetensors has no LoRA for this model: none of its 2 tensors, such as "
                + "lora_unet_input_blocks_4_1_proj_in.lora_down.weight, fits a part of "
                + "text_encoder, text_encoder_2, transformer"),
        Bad(
            "two spellings of one", good + [tensor("\(module).lora_down.weight", 2, 32)],
            "DIR/a.safetensors has \(down) and \(module).lora_down.weight for the same thing"),
        Bad(
            "alpha of several numbers", good + [tensor("\(module).alpha", 2)],
            "DIR/a.safetensors: \(module).alpha has shape [2]; it must be one number"),
        Bad(
            "alpha that is no number", good + [tensor("\(module).alpha", value: .nan)],
            "DIR/a.safetensors: \(module).alpha holds a number that is not finite"),
        Bad(
            "DoRA by columns", good + [tensor("\(module).dora_scale", 1, 16)],
            "DIR/a.safetensors: \(module).dora_scale has shape [1, 16]; it must be [32]"),
        Bad(
            "a core tensor", good + [tensor("\(module).lora_mid.weight", 2, 2)],
            "DIR/a.safetensors: \(module).lora_mid.weight is of a kind that is not merged"),
        Bad(
            "OFT", [tensor("\(module).oft_blocks", 2, 2, 2)],
            "DIR/a.safetensors: \(module).oft_blocks is of a kind that is not merged"),
        Bad(
            "a factor of LoKr", [tensor("\(module).lokr_w1", 4, 4)],
            "DIR/a.safetensors has \(module).lokr_w1, but no lokr_w2 beside it"),
        Bad(
            "a factor of LoHa", [tensor("\(module).hada_w1_a", 32, 2)],
            "DIR/a.safetensors has \(module).hada_w1_a, but no hada_w1_a, hada_w1_b, hada_w2_a and hada_w2_b beside it"),
        Bad(
            "a difference of another size", [tensor("\(module).diff", 8, 8)],
            "DIR/a.safetensors: \(module).diff has shape [8, 8]; it must be [32, 32]"),
    ]

    @Test(arguments: bad) func saysWhatIsWrong(_ bad: Bad) throws {
        #expect(try complaint(bad.tensors) == bad.sentence)
        #expect(try complaint(bad.tensors, strict: false) == (bad.isFineUnlessStrict ? nil : bad.sentence))
    }

    @Test func takesAlphasOfZeroAndZerosForNormsThatAreNotThere() throws {
        let alpha = Self.tensor("\(Self.module).alpha", value: 0)
        let zeros = Self.tensor("diffusion_model.blocks.0.norm1.diff", 32, value: 0)
        #expect(try complaint(Self.good + [alpha, zeros]) == nil)
    }

    @Test func takesNoFileOfAnotherModel() throws {
        for (name, model) in [
            ("flux1-kohya", "wan2.1-tiny-t2v"), ("wan-comfy-peft", "flux1-tiny-dev"),
            ("flux2-kohya", "qwen-image-tiny"),
            ("flux1-comfy-peft", "flux2-tiny-dev"),
        ] {
            let told = try #require(try complaint(LoRAGolden.path(of: name), model: model))
            #expect(told.contains("\(name).safetensors"), "\(told)")
            #expect(told.contains("no LoRA for this model") || told.contains("of another model"), "\(told)")
        }
    }

    @Test func namesComponents() throws {
        let path = LoRAGolden.path(of: "flux1-clip-kohya")
        #expect(
            try complaint(path, components: ["unet"])
                == "runtime_lora_config.target_components has unet; the components that take a LoRA are text_encoder, "
                + "text_encoder_2, transformer")
        #expect(try complaint(path, components: ["transformer"])?.contains("no LoRA for this model") == true)
        #expect(try complaint(path, components: ["text_encoder"]) == nil)
        // What another component takes is left out where a file is only for some.
        try SafetensorsWriter.write(
            Self.good
                + ["A": [2, 24], "B": [24, 2]].map { side, shape in
                    Written(
                        name: "text_encoder.text_model.encoder.layers.0.self_attn.q_proj.lora_\(side).weight",
                        shape: shape,
                        floats: Array(repeating: 1, count: 48))
                }, to: self.path)
        #expect(try complaint(self.path) == nil)
        #expect(try complaint(self.path, components: ["transformer"]) == nil)
    }

    /// What a model passes over may be in its files, and is not enough.
    @Test func takesNoFileOfLayersThatTheModelPassesOver() throws {
        let passedOver = ["A": [2, 32], "B": [468, 2]].map { side, shape in
            Written(
                name: "transformer.lm_head.lora_\(side).weight", shape: shape,
                floats: Array(repeating: 1, count: shape[0] * shape[1]))
        }
        try SafetensorsWriter.write(passedOver, to: path)
        #expect(
            try complaint(path, model: "cosmos3-tiny")
                == "DIR/a.safetensors has no LoRA for this model: none of its 2 tensors, such as "
                + "transformer.lm_head.lora_A.weight, fits a part of transformer")
        let query = "transformer.layers.0.self_attn.to_q"
        let taken = [Self.tensor("\(query).lora_A.weight", 2, 32), Self.tensor("\(query).lora_B.weight", 32, 2)]
        try SafetensorsWriter.write(passedOver + taken, to: path)
        #expect(try complaint(path, model: "cosmos3-tiny") == nil)
        try SafetensorsWriter.write(taken + [Self.tensor("transformer.other.lora_A.weight", 2, 32)], to: path)
        #expect(try complaint(path, model: "cosmos3-tiny")?.contains("\"transformer.other.lora_A.weight\"") == true)
    }

    /// Wan 2.2's second transformer takes only what names it.
    @Test func keepsToTheFirstTransformer() throws {
        let model = try TinyModel("wan2.2-tiny-t2v-a14b").model()
        for (components, changed) in [
            ([], ["transformer"]), (["transformer_2"], ["transformer_2"]),
            (["transformer", "transformer_2"], ["transformer", "transformer_2"]),
        ] {
            var plan = ComputePlan()
            plan.loras = [LoRAPlan(LoRAGolden.path(of: "wan-comfy-peft"))]
            plan.loras[0].components = components
            try model.check(plan.loras)
            let found = try model.components.filter { try !$0.merge(plan).keys.isEmpty }
            #expect(found.map(\.name) == changed)
        }
    }

    @Test func findsTheFileOfAFolder() throws {
        #expect(
            try complaint(folder.path)
                == "DIR has no LoRA; looked for adapter_model.safetensors, pytorch_lora_weights.safetensors")
        try SafetensorsWriter.write(Self.good, to: folder.file("mine.safetensors"))
        #expect(try complaint(folder.path) == nil)
        try SafetensorsWriter.write(Self.good, to: folder.file("yours.safetensors"))
        #expect(
            try complaint(folder.path)
                == "DIR has no LoRA; looked for adapter_model.safetensors, pytorch_lora_weights.safetensors, and it has "
                + "several other files: \"mine.safetensors\", \"yours.safetensors\"")
        try SafetensorsWriter.write(Self.good, to: folder.file("adapter_model.safetensors"))
        #expect(try complaint(folder.path) == nil)
        try folder.write("{\"lora_alpha\": \"big\"}", to: "adapter_config.json")
        #expect(try complaint(folder.path) == "DIR/adapter_config.json: lora_alpha must be a number")
        try folder.write("[]", to: "adapter_config.json")
        #expect(try complaint(folder.path)?.hasPrefix("DIR/adapter_config.json") == true)
    }

    /// PEFT's description of a folder's file scales it.
    @Test func scalesByPEFTsDescription() throws {
        try SafetensorsWriter.write(Self.good, to: folder.file("adapter_model.safetensors"))
        try folder.write("{\"r\": 2, \"lora_alpha\": 4, \"alpha_pattern\": {\"to_k\": 9}}", to: "adapter_config.json")
        var plan = ComputePlan()
        plan.loras = [LoRAPlan(folder.path)]
        let transformer = try #require(TinyModel().model().components.first { $0.name == "transformer" })
        let key = "transformer_blocks.0.attn.to_q.weight"
        func weight(_ merge: LoRAMerge) throws -> Tensor {
            try CheckpointWeights(transformer.place, merging: merge)
                .tensor(key, shape: [32, 32], plan: ComputePlan())
        }
        // Twice two products of a half and a half.
        let change = try weight(transformer.merge(plan)) - weight(LoRAMerge())
        #expect(try change.distance(to: Array(repeating: 1, count: 1024)) <= 1e-6)
    }

    @Test func readsNoBrokenFile() throws {
        try SafetensorsWriter.write(Self.good, to: path)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        for count in [0, 7, 40, bytes.count - 16] {
            try bytes.prefix(count).write(to: URL(fileURLWithPath: path))
            let told = try #require(try complaint(path), "\(count)")
            #expect(told.contains("DIR/a.safetensors"), "\(told)")
        }
        #expect(try complaint(folder.file("none.safetensors"))?.contains("DIR/none.safetensors") == true)
        #expect(
            try complaint(Self.good, metadata: ["lora_adapter_metadata": "no JSON"])
                == "DIR/a.safetensors: lora_adapter_metadata must be a JSON object")
        #expect(
            try complaint(
                Self.good, metadata: ["lora_adapter_metadata": "{\"transformer.alpha_pattern\": {\".*q\": 2}}"])
                == "DIR/a.safetensors: alpha_pattern must be by names of modules, not by \".*q\"")
        #expect(try complaint([])?.contains("has no LoRA for this model: it is empty") == true)
    }
}
