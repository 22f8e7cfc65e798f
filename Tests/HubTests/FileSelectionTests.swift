internal import Foundation
internal import Hub
internal import Testing

@Suite struct FileSelectionTests {
    /// The names that FLUX.1-dev's repository holds, those that a pipeline needs first.
    private static let flux = [
        "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
        "text_encoder/model.safetensors", "text_encoder_2/config.json",
        "text_encoder_2/model-00001-of-00002.safetensors", "text_encoder_2/model-00002-of-00002.safetensors",
        "text_encoder_2/model.safetensors.index.json", "tokenizer/merges.txt", "tokenizer/special_tokens_map.json",
        "tokenizer/tokenizer_config.json", "tokenizer/vocab.json", "tokenizer_2/special_tokens_map.json",
        "tokenizer_2/spiece.model", "tokenizer_2/tokenizer.json", "tokenizer_2/tokenizer_config.json",
        "transformer/config.json", "transformer/diffusion_pytorch_model-00001-of-00003.safetensors",
        "transformer/diffusion_pytorch_model-00002-of-00003.safetensors",
        "transformer/diffusion_pytorch_model-00003-of-00003.safetensors",
        "transformer/diffusion_pytorch_model.safetensors.index.json", "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ]
    private static let besideFlux = [
        ".gitattributes", "LICENSE.md", "README.md", "ae.safetensors", "dev_grid.jpg", "flux1-dev.safetensors",
    ]

    private static let fluxIndex = """
        {"_class_name": "FluxPipeline", "_diffusers_version": "0.30.0.dev0",
         "scheduler": ["diffusers", "FlowMatchEulerDiscreteScheduler"],
         "text_encoder": ["transformers", "CLIPTextModel"], "text_encoder_2": ["transformers", "T5EncoderModel"],
         "tokenizer": ["transformers", "CLIPTokenizer"], "tokenizer_2": ["transformers", "T5TokenizerFast"],
         "transformer": ["diffusers", "FluxTransformer2DModel"], "vae": ["diffusers", "AutoencoderKL"]}
        """

    private static func repository(_ names: [String], _ contents: [String: String] = [:]) -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in names { files[name] = Array((contents[name] ?? "of \(name)").utf8) }
        return files
    }

    private static func index(_ stem: String, shards: Int) -> String {
        let entries = (1...shards).map { #""k\#($0)": "\#(stem)-0000\#($0)-of-0000\#(shards).safetensors""# }
        return #"{"metadata": {}, "weight_map": {\#(entries.joined(separator: ", "))}}"#
    }

    private func flux() async throws -> LoopbackHub {
        try await LoopbackHub(
            Self.repository(
                Self.flux + Self.besideFlux,
                [
                    "model_index.json": Self.fluxIndex,
                    "text_encoder_2/model.safetensors.index.json": Self.index("model", shards: 2),
                    "transformer/diffusion_pytorch_model.safetensors.index.json":
                        Self.index("diffusion_pytorch_model", shards: 3),
                ]))
    }

    /// A repository of a VAE alone.
    private func vae(_ files: [String], _ contents: [String: String] = [:]) async throws -> LoopbackHub {
        var contents = contents
        contents["model_index.json"] = #"{"vae": ["diffusers", "AutoencoderKL"], "checker": [null, null], "x": [1, 2]}"#
        let names = ["model_index.json", "vae/config.json"] + files.map { "vae/\($0)" }
        return try await LoopbackHub(Self.repository(names, contents))
    }

    @Test func takesWhatThePipelineOfFluxNeeds() async throws {
        let hub = try await flux()
        let folder = try await hub.client().folder(of: .tiny())
        #expect(folder == hub.snapshot)
        #expect(hub.cachedNames == Set(Self.flux))
    }

    @Test func takesThePartsThatAreNeeded() async throws {
        let hub = try await flux()
        let needs: @Sendable (String, String) -> Bool = { $0 == "vae" || $1 == "T5TokenizerFast" }
        _ = try await hub.client().folder(of: .tiny(), needs: needs)
        let expected = Self.flux.filter { $0.hasPrefix("vae/") || $0.hasPrefix("tokenizer_2/") } + ["model_index.json"]
        #expect(hub.cachedNames == Set(expected))
        #expect(try await hub.client(["HF_HUB_OFFLINE": "1"]).folder(of: .tiny(), needs: needs) == hub.snapshot)
        await #expect(throws: HubError.offline(try .tiny(), missing: "scheduler/scheduler_config.json")) {
            try await hub.client(["HF_HUB_OFFLINE": "1"]).folder(of: .tiny())
        }
    }

    /// A folder with weights that the index does not name, as latent upsamplers lie beside a pipeline.
    @Test func takesAFolderBesideTheIndex() async throws {
        let own = ["upsampler/config.json", "upsampler/diffusion_pytorch_model.safetensors"]
        let hub = try await LoopbackHub(
            Self.repository(
                Self.flux + own,
                [
                    "model_index.json": Self.fluxIndex,
                    "text_encoder_2/model.safetensors.index.json": Self.index("model", shards: 2),
                ]))
        let offline = try hub.client(["HF_HUB_OFFLINE": "1"])
        _ = try await hub.client().folder(of: .tiny(), needs: { component, _ in component == "vae" })
        await #expect(throws: HubError.offline(try .tiny(), missing: "upsampler/config.json")) {
            try await offline.folder(of: .tiny(), needs: { _, _ in false }, folders: ["upsampler"])
        }
        _ = try await hub.client().folder(of: .tiny(), needs: { _, _ in false }, folders: ["upsampler"])
        #expect(try await offline.folder(of: .tiny(), needs: { _, _ in false }, folders: ["upsampler"]) == hub.snapshot)
        let vae = Self.flux.filter { $0.hasPrefix("vae/") }
        #expect(hub.cachedNames == Set(own + vae + ["model_index.json"]))
        // One that the index names is taken as that says.
        _ = try await hub.client().folder(
            of: .tiny(), needs: { component, _ in component == "text_encoder_2" }, folders: ["text_encoder_2"])
        #expect(hub.cachedNames.count == 5 + 4)
        await #expect(throws: HubError.noSafetensors(try .tiny(), component: "none", found: [])) {
            try await hub.client().folder(of: .tiny(), folders: ["none"])
        }
    }

    /// As a LoRA lies beside a pipeline and its checkpoints in one file.
    @Test func takesTheLoRAOfARepository() async throws {
        let lora = "distilled-lora-384.safetensors"
        let hub = try await LoopbackHub(
            Self.repository(Self.flux + [lora, "dev.safetensors", "more/LoRA.safetensors", "more/adapter_config.json"]))
        let offline = try hub.client(["HF_HUB_OFFLINE": "1"])
        #expect(try await hub.client().lora(of: .tiny()) == "\(hub.snapshot)/\(lora)")
        #expect(hub.cachedNames == [lora])
        #expect(try await offline.lora(of: .tiny()) == "\(hub.snapshot)/\(lora)")
        await #expect(throws: HubError.offline(try .tiny(), missing: "more/LoRA.safetensors")) {
            try await offline.lora("more/LoRA.safetensors", of: .tiny())
        }
        #expect(
            try await hub.client().lora("more/LoRA.safetensors", of: .tiny()) == "\(hub.snapshot)/more/LoRA.safetensors"
        )
        #expect(hub.cachedNames == [lora, "more/LoRA.safetensors", "more/adapter_config.json"])
        await #expect(throws: HubError.noLoRA(try .tiny(), file: "none.safetensors")) {
            try await hub.client().lora("none.safetensors", of: .tiny())
        }
    }

    /// Whatever its name: the only weights are meant.
    @Test func takesTheOnlyWeightsForTheLoRA() async throws {
        let hub = try await LoopbackHub(Self.repository(["adapter_model.safetensors", "adapter_config.json", "a.bin"]))
        let path = try await hub.client().lora(of: .tiny())
        #expect(path == "\(hub.snapshot)/adapter_model.safetensors")
        #expect(hub.cachedNames == ["adapter_model.safetensors", "adapter_config.json"])
    }

    @Test(arguments: [
        ["a.safetensors", "b.safetensors"], ["c.safetensors", "x-lora-2.safetensors", "x_LoRA.safetensors"],
    ])
    func choosesNoneOfSeveralLoRAs(_ names: [String]) async throws {
        let hub = try await LoopbackHub(Self.repository(names))
        await #expect(throws: HubError.severalLoRAs(try .tiny(), found: names.filter { !$0.hasPrefix("c") })) {
            try await hub.client().lora(of: .tiny())
        }
        #expect(hub.cachedNames.isEmpty)
        #expect(try await hub.client().lora(names[1], of: .tiny()) == "\(hub.snapshot)/\(names[1])")
    }

    @Test func saysThatThereIsNoLoRA() async throws {
        let hub = try await LoopbackHub(Self.repository(["a.bin", "more/lora.safetensors"]))
        await #expect(throws: HubError.noLoRA(try .tiny(), file: nil)) { try await hub.client().lora(of: .tiny()) }
        let offline = try hub.client(["HF_HUB_OFFLINE": "1"])
        await #expect(throws: HubError.offline(try .tiny(), missing: nil)) { try await offline.lora(of: .tiny()) }
    }

    /// Weights at the root, as transformers saves a text encoder.
    @Test func namesTheShardThatIsMissingOfflineAtTheRoot() async throws {
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        let names = shards + ["model.safetensors.index.json", "config.json", "tokenizer.json", "tokenizer_config.json"]
        let hub = try await LoopbackHub(
            Self.repository(names, ["model.safetensors.index.json": Self.index("model", shards: 2)]))
        let offline = try hub.client(["HF_HUB_OFFLINE": "1"])
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.cachedNames == Set(names))
        #expect(try await offline.folder(of: .tiny()) == hub.snapshot)
        try FileManager.default.removeItem(atPath: "\(hub.snapshot)/\(shards[1])")
        await #expect(throws: HubError.offline(try .tiny(), missing: shards[1])) {
            try await offline.folder(of: .tiny())
        }
    }

    @Test func leavesOutVariantsAndOtherFormats() async throws {
        let hub = try await vae([
            "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.fp16.safetensors", "model.onnx", "x.pt",
            "diffusion_pytorch_model.bin", "diffusion_flax_model.msgpack", "tf_model.h5", "image.png",
            "diffusion_pytorch_model.bin.index.json", "model.safetensors.index.fp16.json", "deeper/config.json",
        ])
        _ = try await hub.client().folder(of: .tiny())
        let expected: Set = ["model_index.json", "vae/config.json", "vae/diffusion_pytorch_model.safetensors"]
        #expect(hub.cachedNames == expected)
    }

    @Test func takesTheShardsOfTheIndexBeforeASingleFile() async throws {
        let stem = "diffusion_pytorch_model"
        let shards = ["\(stem)-00001-of-00002.safetensors", "\(stem)-00002-of-00002.safetensors"]
        let files = shards + ["\(stem).safetensors", "\(stem).safetensors.index.json", "\(stem)-old.safetensors"]
        let hub = try await vae(files, ["vae/\(stem).safetensors.index.json": Self.index(stem, shards: 2)])
        _ = try await hub.client().folder(of: .tiny())
        let weights = hub.cachedNames.filter { $0.hasSuffix(".safetensors") }
        #expect(weights == Set(shards.map { "vae/\($0)" }))
    }

    @Test(arguments: ["diffusion_pytorch_model.bin", "diffusion_pytorch_model.fp16.safetensors"])
    func namesThePartThatHasNoPlainSafetensors(_ file: String) async throws {
        let hub = try await vae([file])
        await #expect(throws: HubError.noSafetensors(try .tiny(), component: "vae", found: ["config.json", file])) {
            try await hub.client().folder(of: .tiny())
        }
        #expect(hub.cachedNames == ["model_index.json"])
    }

    @Test(arguments: [
        "{}", "[]", #"{"weight_map": {}}"#, #"{"weight_map": {"a": "../../x.safetensors"}}"#,
        #"{"weight_map": {"a": "/x.safetensors"}}"#, #"{"weight_map": {"a": "x/y.safetensors"}}"#,
        #"{"weight_map": {"a": "x.bin"}}"#, #"{"weight_map": {"a": "absent.safetensors"}}"#,
    ])
    func refusesAnIndexOfUnsafeOrAbsentShards(_ json: String) async throws {
        let index = "diffusion_pytorch_model.safetensors.index.json"
        let hub = try await vae([index, "x.bin"], ["vae/\(index)": json])
        await #expect(throws: HubError.self) { try await hub.client().folder(of: .tiny()) }
    }

    @Test(arguments: ["[]", "", "{}", #"{"../x": ["a", "B"]}"#, #"{"a/b": ["a", "B"]}"#, #"{"": ["a", "B"]}"#])
    func refusesAModelIndexThatNamesNoSafePart(_ json: String) async throws {
        let hub = try await LoopbackHub(["model_index.json": Array(json.utf8)])
        await #expect(throws: HubError.self) { try await hub.client().folder(of: .tiny()) }
    }

    @Test func takesTheRootOfARepositoryInOnePiece() async throws {
        let names = ["README.md", "ltx-2.safetensors", "upscaler.safetensors", "config.json", "a.png", "x/y.json"]
        let hub = try await LoopbackHub(Self.repository(names, [:]))
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.cachedNames == ["ltx-2.safetensors", "upscaler.safetensors", "config.json"])
        #expect(try await hub.client(["HF_HUB_OFFLINE": "1"]).folder(of: .tiny()) == hub.snapshot)
    }

    @Test(arguments: [["README.md", "m.gguf"], ["a.safetensors", "b/c.safetensors"], []])
    func saysWhatItFoundWhereThereIsNoModel(_ names: [String]) async throws {
        let hub = try await LoopbackHub(Self.repository(names, [:]))
        await #expect(throws: HubError.noPipeline(try .tiny(), found: names)) {
            try await hub.client().folder(of: .tiny())
        }
    }
}
