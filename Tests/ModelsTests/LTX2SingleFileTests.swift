import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// LTX-2 as one file, and the same in Diffusers layout.
@DeviceActor @Suite struct LTX2SingleFileTests {
    nonisolated static let versions = ["2.0", "2.3"]

    /// A component's config as it is read, with every default.
    private func config<Config: ModelConfig>(_ type: Config.Type, at place: ComponentPlace) throws -> String {
        let (config, skipped): (Config, [String]) = try place.config()
        #expect(skipped.isEmpty)
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return String(decoding: try encoder.encode(config), as: UTF8.self)
    }

    private func config(_ component: String, at place: ComponentPlace, _ version: String) throws -> String {
        switch component {
        case "text_encoder": try config(Gemma3TextConfig.self, at: place)
        case "connectors": try config(LTX2.ConnectorsConfig.self, at: place)
        case "transformer": try config(LTX2.TransformerConfig.self, at: place)
        case "vae": try config(AutoencoderKLLTX2VideoConfig.self, at: place)
        case "audio_vae": try config(AutoencoderKLLTX2AudioConfig.self, at: place)
        case "vocoder" where version == "2.0": try config(LTX2VocoderConfig.self, at: place)
        default: try config(LTX2VocoderWithBWEConfig.self, at: place)
        }
    }

    @Test(arguments: versions) func holdsWhatTheFolderHolds(_ version: String) throws {
        let golden = try SingleFileGolden(version)
        let file = try SingleFileCheckpoint(golden)
        let (one, other) = (try file.model(), try TinyModel(golden.model).model())
        #expect(one.components.map(\.name) == other.components.map(\.name))
        #expect(one.defaults == other.defaults)
        for (part, whole) in zip(one.components, other.components) {
            #expect(
                try config(part.name, at: part.place, version) == config(whole.name, at: whole.place, version))
            let (weights, expected) = (try CheckpointWeights(part.place), try CheckpointWeights(whole.place))
            #expect(weights.keys == expected.keys)
            for key in expected.keys {
                let (entry, file) = try #require(weights.checkpoint[key])
                let (published, folder) = try #require(expected.checkpoint[key])
                #expect(entry.dtype == published.dtype && entry.shape == published.shape)
                #expect(file.bytes(of: entry).elementsEqual(folder.bytes(of: published)), "\(part.name): \(key)")
            }
            #expect(try part.checkedSize(ComputePlan()) == whole.checkedSize(ComputePlan()))
        }
    }

    @Test(arguments: ["t2v", "2.3"]) func makesTheSameVideo(_ name: String) throws {
        let request = try GenerationRequest(Golden("ltx2/pipelines/\(name)").request())
        let golden = try SingleFileGolden(name == "2.3" ? "2.3" : "2.0")
        let (expected, _) = try TinyModel(golden.model).run(request)
        let model = try SingleFileCheckpoint(golden).model()
        let collector = OutputCollector()
        _ = try model.load(PipelineOptions(ComputePlan())).generate(
            model.resolve(request), observe: { _ in }, trace: nil, deliver: collector.add)
        #expect(try #require(collector.pixels).bytes == expected.bytes)
    }

    /// Its files lie beside the model's, or in one folder with the tokenizer's.
    @Test func findsTheTextEncoder() throws {
        let golden = try SingleFileGolden("2.0")
        let (folder, gemma) = (try TemporaryFolder(), try TemporaryFolder())
        let path = folder.file("model.safetensors")
        try golden.write(to: path)
        #expect(throws: CheckpointError.needsTextEncoder(path)) { try Catalog.model(at: path) }
        for name in ["text_encoder", "tokenizer"] {
            let source = TinyCheckpoint.path(of: "\(golden.model)/\(name)")
            try FileManager.default.copyItem(atPath: source, toPath: folder.file(name))
            for file in try FileManager.default.contentsOfDirectory(atPath: source) {
                try FileManager.default.copyItem(atPath: "\(source)/\(file)", toPath: gemma.file(file))
            }
        }
        for (model, options) in [
            (path, [:]), (folder.path, [:]), (path, ["text_encoder_path": .text(gemma.path)]),
            (TinyCheckpoint.path(of: golden.model), ["text_encoder_path": .text(gemma.path)]),
        ] as [(String, [String: ParameterValue])] {
            let model = try Catalog.model(at: model, pipelineConfig: options)
            let place = try #require(model.components.first { $0.name == "text_encoder" }).place
            #expect(place.path == (options.isEmpty ? folder.file("text_encoder") : gemma.path))
            _ = try model.load(PipelineOptions(ComputePlan()))
        }
    }

    @Test(
        arguments: [
            (.number(3), "pipeline_config.text_encoder_path must be a path"),
            (.text("/nowhere"), "pipeline_config.text_encoder_path is /nowhere, which is no folder"),
        ] as [(ParameterValue, String)])
    func refusesWhatIsNoTextEncoder(_ value: ParameterValue, _ start: String) throws {
        let file = try SingleFileCheckpoint(SingleFileGolden("2.0"))
        let error = try #require(throws: CheckpointError.self) {
            try Catalog.model(at: file.path, pipelineConfig: ["text_encoder_path": value])
        }
        #expect("\(error)".hasPrefix(start))
    }

    @Test(arguments: [("hidden_size", "caption_channels"), ("num_hidden_layers", "text_proj_in_factor")])
    func refusesATextEncoderOfAnotherSize(_ key: String, _ named: String) throws {
        let golden = try SingleFileGolden("2.3")
        let other = try TinyCheckpoint(copying: golden.model)
        try other.editJSON("text_encoder/config.json") { config in
            var text = config["text_config"] as? [String: Any] ?? [:]
            text[key] = 8
            config["text_config"] = text
        }
        let file = try SingleFileCheckpoint(golden)
        let error = try #require(throws: ConfigError.self) { try file.model(textEncoder: other.path) }
        #expect("\(error)".contains("\(file.path) (connectors) has"))
        #expect("\(error)".contains(named))
    }

    @Test(arguments: ["vocoder", "audio_vae", "vae", "connectors", "transformer"], [false, true])
    func refusesAFileThatIsNotWhole(_ component: String, _ describes: Bool) throws {
        var golden = try SingleFileGolden("2.3")
        let own = try #require(golden.keys[component])
        golden.tensors.removeAll { own[$0.name] != nil }
        let isPart = component == "connectors" || component == "transformer"
        if !describes, !isPart { try golden.editConfig { $0[component] = nil } }
        let file = try SingleFileCheckpoint(golden)
        #expect(throws: CheckpointError.missingComponent(component, in: file.path)) { try file.model() }
    }

    /// Of a component that the header does not describe.
    @Test func refusesTensorsWithoutAConfig() throws {
        var golden = try SingleFileGolden("2.0")
        try golden.editConfig { $0["vocoder"] = nil }
        let file = try SingleFileCheckpoint(golden)
        #expect(throws: ConfigError(file: file.path, fault: .value("vocoder", found: "nothing"))) { try file.model() }
    }

    @Test(arguments: versions) func refusesTensorsThatNobodyKnows(_ version: String) throws {
        var golden = try SingleFileGolden(version)
        let names = ["duration_head.weight", "text_embedding_projection.bias", "vae.per_channel_statistics.median"]
        for name in names { golden.tensors.append(.init(name: name, shape: [1], floats: [0])) }
        let file = try SingleFileCheckpoint(golden)
        #expect(throws: WeightError.unread(names, in: file.path)) { try file.model() }
        _ = try file.model(allowingUnknown: true)
        // Within a component they are told when its weights are read.
        golden.tensors.removeAll { names.contains($0.name) }
        golden.tensors.append(.init(name: "vae.decoder.conv_mid.weight", shape: [1], floats: [0]))
        let other = try SingleFileCheckpoint(golden)
        let error = try #require(throws: WeightError.self) { try other.model().weights(ComputePlan()) }
        #expect(error == .unread(["decoder.conv_mid.weight"], in: "\(other.path) (vae)"))
    }

    @Test(arguments: [
        ("transformer.num_layers", 9, "no tensor transformer_blocks.3."),
        ("transformer.connector_num_layers", 4, "no tensor video_connector.transformer_blocks.2."),
        ("transformer.in_channels", 16, "in_channels"), ("transformer.caption_channels", 7, "caption_channels"),
        ("vae.latent_channels", 16, "encoder_base_channels"), ("vae.patch_size", 2, "vae_scale_factors"),
        ("audio_vae.model.params.ddconfig.ch", 8, "base_channels"),
        ("vocoder.vocoder.upsample_initial_channel", 64, "conv_in.weight has shape [32, 16, 7]"),
        ("vocoder.bwe.num_mels", 16, "bwe_generator"),
    ])
    func refusesAConfigThatItsTensorsContradict(_ key: String, _ value: Int, _ named: String) throws {
        var golden = try SingleFileGolden("2.3")
        try golden.editConfig { $0.set(key.split(separator: ".").map(String.init)[...], to: value) }
        let file = try SingleFileCheckpoint(golden)
        let error = try #require(throws: (any Error).self) { _ = try file.model().weights(ComputePlan()) }
        #expect("\(error)".contains(named), "\(error)")
        #expect("\(error)".contains(file.path))
    }

    @Test(arguments: [
        ("transformer.cross_attention_norm", "false"), ("transformer.use_linear_projection", "true"),
        ("transformer.num_layers", "\"many\""), ("transformer.positional_embedding_max_pos", "[20, 2048]"),
        ("transformer.text_encoder_norm_type", "\"layer\""), ("transformer.new", "1"), ("vae.dims", "2"),
        ("vae.encoder_blocks", "[]"), ("vae.decoder_blocks", "[[\"attn_res_x\", {\"num_layers\": 1}]]"),
        ("vae.decoder_blocks", "[[\"res_x\"]]"), ("vae._class_name", "\"CausalDiffusionVAE\""),
        ("audio_vae.preprocessing.stft", "null"), ("audio_vae.model.params.ddconfig.downsample_time", "true"),
        ("vocoder.vocoder.stereo", "false"), ("vocoder.bwe.apply_final_activation", "true"),
        ("vocoder.bwe.activation", "\"snake\""), ("new", "{}"),
    ])
    func refusesAHeaderThatItDoesNotKnow(_ key: String, _ value: String) throws {
        var golden = try SingleFileGolden("2.3")
        let json = try JSONSerialization.jsonObject(with: Data(value.utf8), options: .fragmentsAllowed)
        try golden.editConfig { $0.set(key.split(separator: ".").map(String.init)[...], to: json) }
        let file = try SingleFileCheckpoint(golden)
        let error = try #require(throws: ConfigError.self) { try file.model() }
        #expect(error.file == file.path)
        #expect("\(error.fault)".contains(key))
    }

    /// Whatever stands in a header, it is read or refused.
    @Test(arguments: versions) func survivesAnyHeader(_ version: String) throws {
        let file = try SingleFileCheckpoint(SingleFileGolden(version))
        let opened = try SafetensorsFile(path: file.path)
        let text = try #require(opened.metadata["config"])
        let config = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        var refused = 0
        for path in config.paths {
            for value in [NSNull(), -1, Int.max, 1e300, "x", [], [:], [1], true] as [Any] {
                var changed = config
                changed.set(path[...], to: value)
                do {
                    let model = try LTX2.SingleFile.model(opened, config: changed, allowingUnknown: true)
                    let checkpoint = CheckpointFolder(
                        model, pipelineConfig: ["text_encoder_path": .text(file.textEncoder)])
                    _ = try Catalog.model(checkpoint)
                } catch {
                    refused += 1
                    #expect("\(error)".contains(file.path), "\(error)")
                }
            }
        }
        #expect(refused > config.paths.count)
    }

    /// Some layers of blocks in eight bits, with scales for weights and for inputs, as the header says in the file's names.
    private func quantized(_ golden: inout SingleFileGolden) throws -> (
        layers: [String], tensors: [SafetensorsWriter.Tensor]
    ) {
        let own = try #require(golden.keys["transformer"])
        let ends = [
            "attn1.to_q.weight", "attn1.to_k.weight", "attn1.to_v.weight", "ff.net.0.proj.weight",
            "audio_ff.net.2.weight",
        ]
        var (layers, folder): ([String], [SafetensorsWriter.Tensor]) = ([], [])
        var file: [SafetensorsWriter.Tensor] = []
        for tensor in golden.tensors {
            guard let key = own[tensor.name], ends.contains(where: key.hasSuffix), key.hasPrefix("transformer_blocks.")
            else {
                file.append(tensor)
                if let key = own[tensor.name] { folder.append(tensor.renamed(key)) }
                continue
            }
            let layer = String(tensor.name.dropLast(".weight".count))
            layers.append(layer)
            let count = tensor.shape.reduce(1, *)
            // From -1.875 to 1.875.
            let codes = (0..<count).map { UInt8(truncatingIfNeeded: ($0 * 37 + layers.count) % 64 | ($0 % 2) << 7) }
            let parts: [SafetensorsWriter.Tensor] = [
                .init(name: "\(layer).weight", dtype: .float8E4M3, shape: tensor.shape, bytes: codes),
                .init(name: "\(layer).weight_scale", shape: [], floats: [0.125]),
                .init(name: "\(layer).input_scale", shape: [], floats: [0.03125]),
            ]
            file += parts
            folder += parts.map { part in
                part.renamed(String(key.dropLast("weight".count)) + String(part.name.split(separator: ".").last ?? ""))
            }
        }
        golden.tensors = file
        return (layers, folder)
    }

    private func record(_ layers: [String]) throws -> String {
        let formats = layers.map { ($0, ["format": "float8_e4m3fn"]) }
        let values: [String: Any] = ["format_version": "1.0", "layers": Dictionary(formats) { $1 }]
        return String(decoding: try JSONSerialization.data(withJSONObject: values), as: UTF8.self)
    }

    @Test(arguments: versions) func readsQuantisedLayers(_ version: String) throws {
        var golden = try SingleFileGolden(version)
        let (layers, tensors) = try quantized(&golden)
        golden.metadata["_quantization_metadata"] = try record(layers)
        let copy = try TinyCheckpoint(copying: golden.model)
        try copy.rewriteTensors(of: "transformer") { $0 = tensors }
        let file = try SingleFileCheckpoint(golden)
        let models = [try file.model(), try TinyModel(copy).model()]
        let plan = ComputePlan()
        for model in models {
            #expect(try model.quantAlgorithms(plan) == [.fp8])
            _ = try model.weights(plan)
        }
        let request = try GenerationRequest(Golden("ltx2/pipelines/\(version == "2.0" ? "t2v" : "2.3")").request())
        let videos = try models.map { model in
            let collector = OutputCollector()
            _ = try model.load(PipelineOptions(plan)).generate(
                model.resolve(request), observe: { _ in }, trace: nil, deliver: collector.add)
            return try #require(collector.pixels).bytes
        }
        #expect(videos[0] == videos[1])
        #expect(try videos[0] != TinyModel(golden.model).run(request).0.bytes)
    }

    /// All but some, by the file's names.
    @Test func readsWhichLayersAreNotQuantised() throws {
        var golden = try SingleFileGolden("2.3")
        let layers = try Set(quantized(&golden).layers)
        let others = golden.tensors.map(\.name).filter { $0.hasSuffix(".weight") }.map {
            String($0.dropLast(".weight".count))
        }
        .filter { !layers.contains($0) }
        let config: [String: Any] = [
            "quant_algo": "FP8", "quant_method": "modelopt",
            "ignore": others.filter { !$0.contains("adaln_single") } + ["*adaln_single*"],
        ]
        golden.metadata["quantization_config"] = String(
            decoding: try JSONSerialization.data(withJSONObject: config), as: UTF8.self)
        let model = try SingleFileCheckpoint(golden).model()
        _ = try model.weights(ComputePlan())
        #expect(try model.quantAlgorithms(ComputePlan()) == [.fp8])
        golden.metadata["_quantization_metadata"] = try record(layers.sorted())
        _ = try SingleFileCheckpoint(golden).model().weights(ComputePlan())
    }

    @Test func refusesARecordThatItsTensorsContradict() throws {
        var golden = try SingleFileGolden("2.3")
        let (layers, _) = try quantized(&golden)
        let name = "transformer_blocks.0.attn2.to_q"
        for (record, error) in [
            (layers + ["model.diffusion_model.\(name)"], "\(name).weight is not quantised"),
            (Array(layers.dropFirst()), ".weight is FP8"), (layers + ["nowhere"], "the quantised layer nowhere"),
        ] {
            golden.metadata["_quantization_metadata"] = try self.record(record)
            let file = try SingleFileCheckpoint(golden)
            let found = try #require(throws: QuantizationError.self) { try file.model().weights(ComputePlan()) }
            #expect("\(found)".contains(error), "\(found)")
        }
    }

    @Test(arguments: versions) func findsTheUpsampler(_ version: String) throws {
        let golden = try SingleFileGolden(version)
        let root = TinyCheckpoint.path(of: "\(golden.model)-upsampler")
        let source = try SafetensorsCheckpoint(CheckpointFiles.locate(in: "\(root)/latent_upsampler"))
        let tensors = try source.names.map { name in
            let (entry, file) = try #require(source[name])
            return SafetensorsWriter.Tensor(
                name: name, dtype: entry.dtype, shape: entry.shape, bytes: [UInt8](file.bytes(of: entry)))
        }
        let folder = try TemporaryFolder()
        let path = folder.file("upsampler.safetensors")
        try SafetensorsWriter.write(tensors, metadata: golden.upsamplerMetadata, to: path)
        let places = try [root, "\(root)/latent_upsampler", path].map(LTX2.SingleFile.upsampler)
        let latents = try Generator(seed: 5).normal([1, 8, 2, 2, 3])
        let results = try places.map { place in
            let part = try Component("latent_upsampler", at: place, as: .vae, LTX2LatentUpsampler.init)
            return try part.load(ComputeContext(ComputePlan()))(latents).floats()
        }
        #expect(results[0] == results[1] && results[0] == results[2])
        #expect(try Set(places.map { try config(LTX2LatentUpsamplerConfig.self, at: $0) }).count == 1)
        for bad in ["/nowhere", TinyCheckpoint.path(of: golden.model)] {
            #expect(throws: CheckpointError.self) { try LTX2.SingleFile.upsampler(at: bad) }
        }
        for (config, error) in [
            (nil, CheckpointError.self), ("{}", CheckpointError.self),
            (#"{"_class_name": "Other"}"#, CheckpointError.self),
            (#"{"_class_name": "LatentUpsampler", "new": 1}"#, ConfigError.self),
            (#"{"_class_name": "LatentUpsampler", "in_channels": "8"}"#, ConfigError.self),
        ] as [(String?, any Error.Type)] {
            try SafetensorsWriter.write(tensors, metadata: config.map { ["config": $0] } ?? [:], to: path)
            let found = try #require(throws: (any Error).self) { _ = try LTX2.SingleFile.upsampler(at: path) }
            #expect(type(of: found) == error)
        }
    }

    @Test func asksWhichOfSeveralModelsIsMeant() throws {
        let (folder, golden) = (try TemporaryFolder(), try SingleFileGolden("2.0"))
        for name in ["dev", "distilled"] { try golden.write(to: folder.file("\(name).safetensors")) }
        #expect(
            throws: CheckpointError.severalModels(folder.path, found: ["dev.safetensors", "distilled.safetensors"])
        ) {
            try Catalog.checkpoint(at: folder.path)
        }
        _ = try Catalog.checkpoint(at: folder.file("dev.safetensors"))
    }
}

/// A file with a tiny model, gone with the last reference, and where its text encoder is.
struct SingleFileCheckpoint {
    let path: String
    let textEncoder: String
    private let folder: TemporaryFolder

    init(_ golden: SingleFileGolden) throws {
        folder = try TemporaryFolder()
        (path, textEncoder) = (folder.file("model.safetensors"), TinyCheckpoint.path(of: golden.model))
        try golden.write(to: path)
    }

    func model(allowingUnknown: Bool = false, textEncoder other: String? = nil) throws -> any ModelFamily {
        try Catalog.model(
            at: path, allowingUnknown: allowingUnknown,
            pipelineConfig: ["text_encoder_path": .text(other ?? textEncoder)])
    }
}

extension [String: Any] {
    /// Sets the value at the end of some keys.
    mutating func set(_ path: ArraySlice<String>, to value: Any) {
        guard let key = path.first else { return }
        guard path.count > 1 else {
            self[key] = value
            return
        }
        var inner = self[key] as? [String: Any] ?? [:]
        inner.set(path.dropFirst(), to: value)
        self[key] = inner
    }

    /// The keys of every value, those of objects within among them.
    var paths: [[String]] {
        flatMap { key, value in [[key]] + ((value as? [String: Any])?.paths ?? []).map { [key] + $0 } }
    }
}
