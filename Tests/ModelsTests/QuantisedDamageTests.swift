import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Quantised checkpoints that are not what they must be, and wishes that they cannot fulfil.
@DeviceActor @Suite(.serialized) struct QuantisedDamageTests {
    nonisolated private static let layer = QuantisedDamage.layer
    nonisolated private static let query = QuantisedDamage.query
    nonisolated private static let scales: [QuantisedDamage] =
        ["flux1-fp8", "flux1-nvfp4", "flux1-fp8-rows", "flux1-fp8-blocks", "flux1-int8"].map {
            .removing($0, "\(layer).weight_scale", names: "\(layer).weight")
        }
        + ["flux1-fp8", "flux1-nvfp4", "flux1-int8"].map { .removing($0, "\(layer).input_scale") }
        + [
            .removing("flux1-nvfp4", "\(layer).weight_scale_2", names: "\(layer).weight"),
            .removing("flux1-int8", "\(query).pre_quant_scale"),
            .shape("flux1-fp8-rows", "\(layer).weight_scale", [63]),
            .shape("flux1-int8", "\(layer).weight_scale", [63]),
            .shape("flux1-int8", "\(layer).pre_quant_scale", [255]),
            .shape("flux1-nvfp4", "\(layer).weight_scale", [64, 15]),
            .shape("flux1-nvfp4", "\(layer).weight", [64, 127]),
            .shape("flux1-fp8-blocks", "transformer_blocks.0.norm1.linear.weight_scale", [2, 1, 1, 1]),
            .shape("flux1-fp8-blocks", "\(layer).weight_scale", [2, 1, 1, 1]),
            .shape("flux1-fp8", "\(layer).input_scale", [2]),
            .shape("flux2-nvfp4-swizzled", "single_transformer_blocks.0.attn.to_out.weight_scale", [96, 8]),
            .changing("flux1-fp8-blocks", "\(layer).weight_scale", "one number", names: "\(layer).weight", "FP8") {
                .init(name: $0.name, dtype: $0.dtype, shape: [], bytes: Array($0.bytes.prefix(4)))
            },
        ]

    nonisolated private static let numbers: [QuantisedDamage] =
        [Float.nan, .infinity, 0, -1].flatMap { number -> [QuantisedDamage] in
            [
                ("flux1-fp8", "weight_scale"), ("flux1-fp8", "input_scale"), ("flux1-fp8-rows", "weight_scale"),
                ("flux1-fp8-blocks", "weight_scale"), ("flux1-int8", "weight_scale"), ("flux1-int8", "input_scale"),
                ("flux1-nvfp4", "weight_scale_2"), ("flux1-nvfp4", "input_scale"),
            ].map { .number($0.0, "\(layer).\($0.1)", number) }
        }
        + [UInt8(0x7f), 0xff, 0x81, 0x00, 0x80].map { .byte("flux1-nvfp4", "\(layer).weight_scale", $0) }
        + [0x7f, 0xff].map { .byte("flux1-fp8", "\(layer).weight", $0) }
        + [
            .byte("flux1-fp8-rows", "\(layer).weight", 0x7f), .byte("flux1-fp8-blocks", "\(layer).weight", 0xff),
            // What ModelOpt makes of a layer of zeros.
            QuantisedDamage("flux1-fp8", "a layer of zeros", names: "\(layer).weight_scale", "0.0") { copy in
                try copy.rewriteTensors(of: "transformer") { tensors in
                    tensors = tensors.map { tensor in
                        guard tensor.name.hasPrefix("\(layer).weight") else { return tensor }
                        let byte: UInt8 = tensor.name.hasSuffix("weight") ? 0xff : 0
                        return .init(
                            name: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
                            bytes: tensor.bytes.map { _ in byte })
                    }
                }
            },
        ]

    nonisolated private static let types: [QuantisedDamage] = [
        .type("flux1-fp8", "\(layer).weight", .float8E5M2), .type("flux1-fp8", "\(layer).weight", .bfloat16),
        .shape("flux1-nvfp4", "\(layer).weight", [64, 256]),
        .changing("flux1-fp8", "\(layer).weight", "U8") {
            .init(name: $0.name, dtype: .uint8, shape: $0.shape, bytes: $0.bytes)
        },
        .changing("flux1-fp8", "\(layer).weight", "I8", names: "\(layer).weight_scale") {
            .init(name: $0.name, dtype: .int8, shape: $0.shape, bytes: $0.bytes)
        },
        .changing("flux1-int8", "\(layer).weight", "U8") {
            .init(name: $0.name, dtype: .uint8, shape: $0.shape, bytes: $0.bytes)
        },
        .type("flux1-fp8", "\(layer).weight_scale", .bfloat16), .type("flux1-fp8", "\(layer).weight_scale", .float64),
        .type("flux1-fp8", "\(layer).weight_scale", .uint8), .type("flux1-nvfp4", "\(layer).weight_scale", .float32),
        .type("flux1-nvfp4", "\(layer).weight", .bfloat16),
    ]

    nonisolated private static let mixtures: [QuantisedDamage] = [
        .adding("flux1-fp8", "\(layer).weight_scale_2"), .adding("flux1-fp8-rows", "\(layer).input_scale"),
        .adding("flux1-fp8", "\(layer).k_scale"), .adding("flux1-fp8", "\(layer).weight_scale_inv"),
        .adding("flux1-fp8", "proj_out.weight_scale"), .adding("flux1-fp8", "\(layer).pre_quant_scale"),
        QuantisedDamage("flux1-fp8", "one layer of NVFP4", names: "\(layer).weight", "NVFP4", "FP8") { copy in
            let other = try SafetensorsFile(
                path: "\(QuantisedGolden.folder(of: "flux1-nvfp4"))/diffusion_pytorch_model.safetensors")
            try copy.rewriteTensors(of: "transformer") { tensors in
                let isOurs = { (name: String) in name.hasPrefix("\(layer).") && !name.hasSuffix("bias") }
                tensors.removeAll { isOurs($0.name) }
                tensors += other.entries.filter { isOurs($0.name) }.map {
                    .init(name: $0.name, dtype: $0.dtype, shape: $0.shape, bytes: [UInt8](other.bytes(of: $0)))
                }
            }
        },
    ]

    nonisolated private static let configs: [QuantisedDamage] =
        ["FP9", "W4A16_AWQ", "W4A8_AWQ", "MXFP8", "NVFP4_AWQ", "NVFP4_SVD", "W4A16_NVFP4"].map { name in
            .config("flux1-fp8", name, names: "config.json", "quantization_config.quant_algo", name, "FP8_PER_CHANNEL")
            {
                $0["quant_algo"] = name
            }
        }
        + [
            .config("flux1-fp8", "another method", names: "quant_method", "bitsandbytes", "modelopt") {
                $0["quant_method"] = "bitsandbytes"
            },
            .config("flux1-fp8", "no algorithm", names: "quantization_config.quant_algo", "nothing") {
                $0["quant_algo"] = nil
            },
            .config("flux1-fp8", "a quantised layer ignored", names: "\(query).weight", "not quantised", "FP8") {
                $0["ignore"] = ["proj_out", "single_transformer_blocks.0.proj_out", query]
            },
            .config("flux1-fp8", "another layer not ignored", names: "proj_out.weight", "not quantised", "FP8") {
                $0["ignore"] = ["single_transformer_blocks.0.proj_out"]
            },
            .config("flux1-fp8", "patterns that are none", names: "quantization_config.ignore", "list") {
                $0["ignore"] = "proj_out"
            },
            .config("flux1-fp8", "a number for a pattern", names: "quantization_config.ignore", "list") {
                $0["ignore"] = [1]
            },
            .config("flux1-fp8", "an open bracket", names: "quantization_config.ignore", "[") { $0["ignore"] = ["["] },
            .config("flux1-fp8", "groups that are none", names: "quantization_config.config_groups") {
                $0["config_groups"] = [1]
            },
            .config("flux1-fp8", "a group that is none", names: "quantization_config.config_groups.g", "object") {
                $0["config_groups"] = ["g": 1]
            },
            .config("flux2-mixed", "no layers", names: "quantization_config.quantized_layers", "object") {
                $0["quantized_layers"] = nil
            },
            .config("flux2-mixed", "a layer that is not there", names: "blocks.9.attn", "config.json") {
                var layers = $0["quantized_layers"] as? [String: Any] ?? [:]
                layers["blocks.9.attn"] = ["quant_algo": "FP8"]
                $0["quantized_layers"] = layers
            },
            QuantisedDamage("flux1-fp8", "no object", names: "config.json", "quantization_config", "object") {
                try $0.editJSON("transformer/config.json") { $0["quantization_config"] = "FP8" }
            },
        ]
        + [32, 0].map { size in
            .config("flux1-nvfp4", "groups of \(size)", names: "config_groups.group_0.weights.group_size", "\(size)") {
                $0["config_groups"] = ["group_0": ["weights": ["num_bits": 4, "group_size": size]]]
            }
        }

    nonisolated private static let headers: [QuantisedDamage] = [
        .header("no JSON", names: "quantization_config", "JSON") { $0["quantization_config"] = "{" },
        .header("another algorithm", names: "config.json", "different things", "diffusion_pytorch_model") {
            $0["quantization_config"] = #"{"quant_algo": "NVFP4", "quant_method": "modelopt"}"#
        },
        .header("no JSON of layers", names: "_quantization_metadata", "JSON") { $0["_quantization_metadata"] = "[" },
        .header("no object of layers", names: "_quantization_metadata.layers", "object") {
            $0["_quantization_metadata"] = #"{"layers": 5}"#
        },
        .header("a layer that is not there", names: "blocks.9.attn") {
            $0["_quantization_metadata"] = $0["_quantization_metadata"]?.replacing(
                #""layers": {"#, with: #""layers": {"blocks.9.attn": {"format": "fp8"}, "#)
        },
        .header("another format", names: "context_embedder.weight", "NVFP4", "FP8") {
            $0["_quantization_metadata"] = $0["_quantization_metadata"]?.replacing(
                #""context_embedder": {"format": "fp8"}"#, with: #""context_embedder": {"format": "nvfp4"}"#)
        },
        .header("an unknown format", names: "context_embedder", "int3", "nvfp4") {
            $0["_quantization_metadata"] = $0["_quantization_metadata"]?.replacing(
                #""context_embedder": {"format": "fp8"}"#, with: #""context_embedder": {"format": "int3"}"#)
        },
        .header("another version", names: "format_version", "9", "1.0") {
            $0["_quantization_metadata"] = $0["_quantization_metadata"]?.replacing(#""1.0""#, with: #""9""#)
        },
    ]

    nonisolated private static let wishes: [QuantisedDamage] = [
        QuantisedDamage("flux1-fp8", "NVFP4 asked", names: "weight", "FP8", "NVFP4", asked: QuantizationPlan(.nvfp4)),
        QuantisedDamage(
            "flux1-nvfp4", "rows asked", names: "weight", "NVFP4", "FP8_PER_CHANNEL_PER_TOKEN",
            asked: QuantizationPlan(.fp8Rows)),
        QuantisedDamage("flux2-mixed", "FP8 asked", names: "weight", "NVFP4", "FP8", asked: QuantizationPlan(.fp8)),
        QuantisedDamage(
            "flux1-fp8", "a quantised layer ignored", names: "\(query).weight", "ignore",
            asked: QuantizationPlan(.fp8, ignoring: ["*.to_q"])),
        QuantisedDamage(
            "flux1", "rows that are no groups", names: "context_embedder has rows of 20", "16",
            asked: QuantizationPlan(.nvfp4)),
        QuantisedDamage("flux1", "all ignored", names: "ignore", "*", asked: QuantizationPlan(.fp8, ignoring: ["*"])),
        QuantisedDamage("flux1", "no quantised weights", names: "weight", "dynamic", asked: stored(.fp8)),
        QuantisedDamage("flux1", "no scales of inputs", names: "weight", "dynamic", asked: unscaled(.fp8)),
        QuantisedDamage("flux1", "a NaN", names: "\(query).weight", "finite", asked: QuantizationPlan(.fp8Rows)) {
            try $0.rewriteTensors(of: "transformer") { tensors in
                tensors = tensors.map { tensor in
                    guard tensor.name == "\(query).weight" else { return tensor }
                    let bytes = [0xff, 0x7f] + tensor.bytes.dropFirst(2)
                    return .init(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
                }
            }
        },
    ]

    nonisolated private static func stored(_ algorithm: QuantAlgorithm) -> QuantizationPlan {
        var plan = QuantizationPlan(algorithm)
        plan.quantizesWeights = false
        return plan
    }

    nonisolated private static func unscaled(_ algorithm: QuantAlgorithm) -> QuantizationPlan {
        var plan = QuantizationPlan(algorithm)
        plan.scalesInputs = false
        return plan
    }

    nonisolated static let all = scales + numbers + types + mixtures + configs + headers + wishes

    @Test(arguments: all) func isRefusedByName(_ damage: QuantisedDamage) throws {
        let copy = try TinyCheckpoint(quantised: damage.checkpoint)
        try damage.apply(copy)
        let error = try #require(throws: (any Error).self) {
            let plan = ComputePlan(quantization: damage.asked)
            try TinyModel(copy).model().load(PipelineOptions(plan)).prepare { _ in }
        }
        let sentence = "\(error)"
        for name in damage.names { #expect(sentence.contains(name), "\(sentence)") }
        #expect(!sentence.contains("\n"))
        #expect(!(error is TensorError), "\(sentence)")
    }

    /// All of them without damage can be read.
    @Test(arguments: QuantisedGolden.names) func isReadUndamaged(_ name: String) throws {
        let copy = try TinyCheckpoint(quantised: name)
        try copy.rewriteTensors(of: "transformer") { _ in }
        try TinyModel(copy).model().load(PipelineOptions()).prepare { _ in }
    }

    /// A scale of zero is a zero group's, as TensorRT-LLM writes it.
    @Test func readsZerosWithAScaleOfZero() throws {
        let copy = try TinyCheckpoint(quantised: "flux1-nvfp4")
        try copy.rewriteTensors(of: "transformer") { tensors in
            tensors = tensors.map { tensor in
                var bytes = tensor.bytes
                if tensor.name == "\(Self.layer).weight" {
                    bytes.replaceSubrange(0..<8, with: repeatElement(0x80, count: 8))
                }
                if tensor.name == "\(Self.layer).weight_scale" { bytes[0] = 0 }
                return .init(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: bytes)
            }
        }
        try TinyModel(copy).model().load(PipelineOptions()).prepare { _ in }
    }

    /// What a config says may stand in the header alone, or as the layers' formats alone.
    @Test(arguments: [false, true]) func readsWhatTheHeaderSays(_ isFormatsAlone: Bool) throws {
        let copy = try TinyCheckpoint(quantised: "flux2-fp8-metadata")
        try copy.editJSON("transformer/config.json") { $0["quantization_config"] = nil }
        let path = copy.file("transformer/diffusion_pytorch_model.safetensors")
        var metadata = try SafetensorsFile(path: path).metadata
        if isFormatsAlone { metadata["quantization_config"] = nil }
        try copy.rewriteTensors(of: "transformer", metadata: metadata) { _ in }
        let model = try TinyModel(copy).model()
        #expect(try model.quantAlgorithms(ComputePlan()) == [.fp8])
        try model.load(PipelineOptions()).prepare { _ in }
        metadata["_quantization_metadata"] = metadata["_quantization_metadata"]?
            .replacing(#""context_embedder": {"format": "fp8"}, "#, with: "")
        try copy.rewriteTensors(of: "transformer", metadata: metadata) { _ in }
        let error = try #require(throws: QuantizationError.self) { _ = try model.load(PipelineOptions()) }
        #expect("\(error)".contains("context_embedder.weight is FP8"))
    }

    @Test func tellsPatternsThatNoLayerHas() throws {
        let copy = try TinyCheckpoint(quantised: "flux1")
        let model = try TinyModel(copy).model()
        let plan = QuantizationPlan(.fp8, ignoring: ["nothing.*", "proj_out", "*.to_[qk]", "to_q"])
        #expect(try model.idlePatterns(plan) == ["nothing.*", "to_q"])
    }
}
