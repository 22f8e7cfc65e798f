internal import Diffusion

/// The configuration of an engine: what TensorRT-LLM VisualGen's class of this name holds, and a few fields of our own.
///
/// ```swift
/// var args = VisualGenArgs()
/// args.model = "black-forest-labs/FLUX.1-schnell"
/// args.compilationConfig.skipWarmup = true
/// try args.validate()
/// ```
///
/// or, with the names of the original, `try VisualGenArgs(yaml: "flux.yaml", overrides: ["dtype": "float32"])`. All
/// that is wrong is reported at once, in one ``ConfigurationError``.
public struct VisualGenArgs: Sendable, Equatable {
    /// A folder, a hub id (`org/name`) or a built-in model's name (`model`): default empty, to be given elsewhere.
    public var model = ""
    /// The hub's branch, tag or commit (`revision`): default null, the main branch.
    public var revision: String?
    /// Weights in fewer bits (`quant_config`); null is the default.
    public var quantConfig = QuantConfig()
    /// What is run before the first request (`compilation_config`).
    public var compilationConfig = CompilationConfig()
    /// What TensorRT-LLM has compiled (`torch_compile_config`); it changes nothing here.
    public var torchCompileConfig = TorchCompileConfig()
    /// Replay of recorded GPU work (`cuda_graph_config`).
    public var cudaGraphConfig = CudaGraphConfig()
    /// How attention is computed (`attention_config`).
    public var attentionConfig = AttentionConfig()
    /// How one request is spread over workers (`parallel_config`).
    public var parallelConfig = ParallelConfig()
    /// Reuse of results between steps (`cache_config`): default null, which is none.
    public var cacheConfig: CacheConfig?
    /// Settings of the model's own pipeline, by name (`pipeline_config`): default empty.
    ///
    /// Which names there are is known once the model is; see ``problems(pipelineConfigKeys:)``.
    public var pipelineConfig: [String: ConfigValue] = [:]
    /// Whether layers are marked for NVIDIA's profiler (`enable_layerwise_nvtx_marker`): default false.
    public var enableLayerwiseNVTXMarker = false
    /// Keeping components in host memory (`cpu_offload_config`).
    public var cpuOffloadConfig = CpuOffloadConfig()
    /// The LoRAs that are merged into the weights, in this order (`runtime_lora_config`): default null, which is none.
    ///
    /// In YAML a mapping, as TensorRT-LLM has it, or a list of mappings.
    public var runtimeLoRAConfigs: [RuntimeLoRAConfig] = []

    /// Where it computes (`device`): default cpu.
    ///
    /// Ours, not TensorRT-LLM's.
    public var device = Device.cpu
    /// The type that it computes in (`dtype`): default null, which is float32 on a CPU and bfloat16 on a GPU.
    ///
    /// Ours, not TensorRT-LLM's.
    public var dtype: DataType?
    /// How many threads one worker computes with (`threads`): 1 to 1024, default null, as many as LibTorch chooses and may
    /// run at once.
    ///
    /// Ours, not TensorRT-LLM's.
    public var threads: Int?
    /// How many bytes of memory a worker may use (`memory_limit`): at least 1, default null, which is all
    /// that the process may have of the machine.
    ///
    /// Ours, not TensorRT-LLM's. In YAML a number of bytes, or text with a unit: `8GB` is 8 × 1000³ bytes, `8GiB` is
    /// 8 × 1024³.
    public var memoryLimit: Int?
    /// Whether a model may hold configuration keys and tensors that nobody knows (`allow_unknown`): default false.
    ///
    /// Ours, not TensorRT-LLM's. In YAML the former name `allow_unknown_config` means the same.
    public var allowUnknown = false
    /// Where requests are computed (`worker_mode`): default process.
    ///
    /// Ours, not TensorRT-LLM's.
    public var workerMode = WorkerMode.process
    /// After how many seconds without a finished step a worker counts as hung (`worker_timeout`): above 0, default 300.
    ///
    /// Ours, not TensorRT-LLM's.
    public var workerTimeout = 300.0
    /// A checker of one's own that is asked about prompts and outputs (`guardrail_config`).
    ///
    /// Ours, not TensorRT-LLM's.
    public var guardrailConfig = GuardrailConfig()

    /// The former name of ``allowUnknown``.
    public var allowUnknownConfig: Bool {
        get { allowUnknown }
        set { allowUnknown = newValue }
    }

    /// The defaults.
    public init() {}

    /// Reads a configuration from values by name, as in YAML.
    ///
    /// - Parameter dictionary: the fields, in the original's spelling; what is missing has its default
    /// - Throws: ``ConfigurationError`` with all that is wrong
    public init(dictionary: [String: ConfigValue]) throws(ConfigurationError) {
        self.init()
        var fields = ConfigFields(reading: dictionary, at: "")
        exchange(&fields)
        let problems = fields.problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// The values by name, as in YAML, every field with its value.
    ///
    /// `init(dictionary:)` gives an equal configuration back; the description of the value is YAML on one line.
    public var dictionary: [String: ConfigValue] {
        var (args, fields) = (self, ConfigFields(writingAt: ""))
        args.exchange(&fields)
        return fields.written
    }

    /// Everything that is wrong with the values by themselves, whatever the model.
    public var problems: [ConfigProblem] {
        var (args, fields) = (self, ConfigFields(writingAt: ""))
        args.exchange(&fields)
        return fields.problems
    }

    /// Makes sure that nothing is wrong with the values by themselves.
    ///
    /// - Throws: ``ConfigurationError`` with all that is wrong
    public func validate() throws(ConfigurationError) {
        let problems = problems
        guard problems.isEmpty else { throw ConfigurationError(problems) }
    }

    /// What is wrong with ``pipelineConfig`` for a pipeline that takes these names.
    ///
    /// - Parameter names: the names that the model's pipeline takes
    /// - Returns: a problem for each name that is not among them
    public func problems(pipelineConfigKeys names: [String]) -> [ConfigProblem] {
        pipelineConfig.keys.filter { !names.contains($0) }.sorted().prefix(32).map { name in
            let known = names.isEmpty ? "it takes none" : "it takes \(names.sorted().joined(separator: ", "))"
            let hint = name.nearest(of: names).map { "did you mean \($0)?" } ?? known
            return ConfigProblem("pipeline_config".field(name), "is not a setting of this model's pipeline; \(hint)")
        }
    }
}

extension VisualGenArgs {
    fileprivate mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("model", &model)
        fields.exchange("revision", &revision)
        fields.exchange("quant_config", &quantConfig)
        fields.exchange("compilation_config", &compilationConfig)
        fields.exchange("torch_compile_config", &torchCompileConfig)
        fields.exchange("cuda_graph_config", &cudaGraphConfig)
        fields.exchange("attention_config", &attentionConfig)
        fields.exchange("parallel_config", &parallelConfig)
        fields.exchange("cache_config", &cacheConfig)
        fields.exchange("pipeline_config", &pipelineConfig)
        fields.exchange("enable_layerwise_nvtx_marker", &enableLayerwiseNVTXMarker)
        fields.exchange("cpu_offload_config", &cpuOffloadConfig)
        var loras = LoRAList(configs: runtimeLoRAConfigs)
        fields.exchange("runtime_lora_config", &loras)
        runtimeLoRAConfigs = loras.configs
        exchangeOurs(&fields)
        requireContextParallelAttention(&fields)
    }

    private mutating func exchangeOurs(_ fields: inout ConfigFields) {
        fields.exchange("device", &device)
        fields.exchange("dtype", &dtype)
        fields.exchange("threads", &threads, .orNull(.within(1...1024)))
        var limit = memoryLimit.map(ByteCount.init)
        fields.exchange("memory_limit", &limit)
        memoryLimit = limit?.bytes
        fields.exchange("allow_unknown", &allowUnknown, formerly: "allow_unknown_config")
        fields.exchange("worker_mode", &workerMode)
        fields.exchange("worker_timeout", &workerTimeout, .above(0))
        fields.exchange("guardrail_config", &guardrailConfig)
    }

    /// A ring or a mesh merges partial results by their log-sum-exp, and not every sparse kernel can do that.
    ///
    /// That there is one of them at most is said here too: a rule of `parallel_config` by itself would hide these.
    private func requireContextParallelAttention(_ fields: inout ConfigFields) {
        let (ring, mesh) = (parallelConfig.ringSize, parallelConfig.attn2dSize)
        let name = ring > 1 ? "ring_size" : "attn2d_size"
        guard parallelConfig.contextSize > 1 else { return }
        fields.require(
            ring == 1 || mesh == Attention2DSize(1, 1), "parallel_config.ring_size",
            "is \(ring) and attn2d_size is \(mesh.configValue), of which one must be 1")
        fields.require(
            attentionConfig.backend.returnsLogSumExp, "parallel_config.\(name)", with: ["attention_config"],
            "needs attention_config.backend FA4 or CUTEDSL, not \(attentionConfig.backend.rawValue)")
        guard let sparse = attentionConfig.sparseAttentionConfig, ["vsa", "sol_attn"].contains(sparse.tag) else {
            return
        }
        fields.require(
            false, "parallel_config.\(name)", with: ["attention_config"],
            "excludes attention_config.sparse_attention_config with algorithm \(sparse.tag)")
    }
}
