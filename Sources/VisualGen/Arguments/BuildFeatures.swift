/// What a build can do of what a configuration can ask for.
///
/// `current` is the one place where a feature is added once it works.
package struct BuildFeatures: Sendable {
    /// Nothing at all.
    package init() {}

    /// The kinds of device, by the name before the colon.
    package var devices: [String] = []
    package var attentionBackends: [AttentionConfig.Backend] = []
    package var quantAlgorithms: [QuantConfig.Algorithm] = []
    /// The recipes of quantised attention that each backend has.
    package var quantisedAttention: [AttentionConfig.Backend: [String]] = [:]
    /// The algorithms of sparse attention, by tag.
    package var sparseAttention: [String] = []
    /// The caches, by tag.
    package var caches: [String] = []
    /// The other fields, by full name, that may be other than their default or null.
    package var fields: [String] = []

    /// What this build can do.
    package static let current = {
        var build = BuildFeatures()
        build.devices = ["cpu", "cuda"]
        build.attentionBackends = [.vanilla, .trtllm, .fa4, .cuteDSL, .cuDNN]
        build.quantisedAttention = [
            .trtllm: QuantAttentionConfig.recipes[.trtllm] ?? [], .cuteDSL: [QuantAttentionConfig().recipe],
        ]
        build.caches = CacheConfig.tags
        build.fields = ["runtime_lora_config", "cuda_graph_config.enable", "cpu_offload_config.enable"]
        build.quantAlgorithms = [.fp8, .fp8PerChannelPerToken, .fp8BlockScales, .nvfp4, .w8a8SmoothQuant]
        return build
    }()
}

extension VisualGenArgs {
    /// The values that are right and that this build cannot honour.
    ///
    /// Values that change nothing here, such as those of ``torchCompileConfig``, are not among them.
    ///
    /// - Returns: a problem for each, empty if the build can do all that is asked for
    public func unavailable() -> [ConfigProblem] { unavailable(in: .current) }

    /// The values that a build cannot honour.
    package func unavailable(in build: BuildFeatures) -> [ConfigProblem] {
        var missing: [ConfigProblem] = []
        @discardableResult
        func need(_ isThere: Bool, _ field: String, _ value: String = "", having names: [String] = []) -> Bool {
            if !isThere {
                let instead = names.isEmpty ? "" : "; it has \(names.joined(separator: ", "))"
                let problem = "\(value.isEmpty ? "" : "\(value) ")is not available in this build\(instead)"
                missing.append(ConfigProblem(field, problem))
            }
            return isThere
        }
        @discardableResult
        func need(_ field: String, _ value: String = "") -> Bool { need(build.fields.contains(field), field, value) }
        let attention = attentionConfig
        if let algorithm = quantConfig.quantAlgo {
            need(
                build.quantAlgorithms.contains(algorithm), "quant_config.quant_algo", algorithm.rawValue,
                having: build.quantAlgorithms.map(\.rawValue))
        }
        if cudaGraphConfig.enable, need("cuda_graph_config.enable", "true") {
            func without(_ field: String) {
                missing.append(ConfigProblem("cuda_graph_config.enable", "true is not available with \(field)"))
            }
            if device == .cpu { without("device cpu") }
            if case .cacheDiT = cacheConfig { without("cache_config of cache_dit, which decides within a step") }
            if parallelConfig.tpSize > 1 { without("parallel_config.tp_size above 1") }
            if parallelConfig.contextSize > 1 { without("parallel_config.ring_size and attn2d_size above 1") }
            if cpuOffloadConfig.enable { without("cpu_offload_config.enable, which moves weights") }
        }
        let hasBackend = need(
            build.attentionBackends.contains(attention.backend), "attention_config.backend", attention.backend.rawValue,
            having: build.attentionBackends.map(\.rawValue))
        let kind = String(device.description.split(separator: ":")[0])
        if let recipe = attention.quantAttentionConfig?.recipe {
            let recipes = build.quantisedAttention[attention.backend] ?? []
            need(recipes.contains(recipe), "attention_config.quant_attention_config", recipe, having: recipes)
        }
        if attention.backend == .cuDNN, hasBackend {
            func needs(_ field: String, _ value: String) {
                missing.append(ConfigProblem("attention_config.backend", "CUDNN needs \(field), not \(value)"))
            }
            if kind != "cuda" { needs("device cuda", device.description) }
            if kind == "cuda", dtype == .float32 { needs("dtype bfloat16 or float16", "float32") }
        }
        if let sparse = attention.sparseAttentionConfig {
            need(
                build.sparseAttention.contains(sparse.tag), "attention_config.sparse_attention_config", "",
                having: build.sparseAttention)
        }
        if let cacheConfig { need(build.caches.contains(cacheConfig.tag), "cache_config", "", having: build.caches) }
        if enableLayerwiseNVTXMarker { need("enable_layerwise_nvtx_marker", "true") }
        if cpuOffloadConfig.enable, need("cpu_offload_config.enable", "true"), device == .cpu {
            missing.append(ConfigProblem("cpu_offload_config.enable", "true is not available with device cpu"))
        }
        if !runtimeLoRAConfigs.isEmpty { need("runtime_lora_config") }
        need(build.devices.contains(kind), "device", device.description, having: build.devices)
        return missing
    }
}
