/// What TensorRT-LLM has compiled (`torch_compile_config`).
///
/// There is no compiler here, as the kernels are fused already: the values are read, checked and change nothing.
public struct TorchCompileConfig: Sendable, Equatable {
    /// Whether blocks are compiled (`enable`): default true.
    public var enable = true
    /// Whether a block must be compiled as a whole (`enable_fullgraph`): default false.
    public var enableFullgraph = false
    /// Whether kernels are timed and the fastest taken (`enable_autotune`): default true.
    public var enableAutotune = true

    /// TensorRT-LLM's defaults.
    public init() {}
}

/// Replay of recorded GPU work (`cuda_graph_config`).
public struct CudaGraphConfig: Sendable, Equatable {
    /// Whether the transformer's forward pass is recorded and replayed (`enable`): default false.
    public var enable = false

    /// No graphs.
    public init() {}
}

/// Keeping components in host memory while they are not needed (`cpu_offload_config`).
public struct CpuOffloadConfig: Sendable, Equatable {
    /// Whether components leave the GPU (`enable`): default false.
    public var enable = false
    /// Whether the host memory is pinned, which makes copies faster (`pin_memory`): default true.
    public var pinMemory = true
    /// The order in which components come to the GPU (`stages`): default null, the model's own order.
    public var stages: [OffloadStage]?

    /// No offloading.
    public init() {}
}

/// Components that are on the GPU together, written as one name or as a list of names.
public struct OffloadStage: Sendable, Equatable, ExpressibleByStringLiteral, ExpressibleByArrayLiteral {
    /// The components' names, such as `text_encoder` or `vae`: at least one, none of them empty.
    public var components: [String]

    /// A stage of several components.
    ///
    /// - Parameter components: their names
    public init(_ components: [String]) { self.components = components }

    /// A stage of one component.
    ///
    /// - Parameter name: its name
    public init(stringLiteral name: String) { self.init([name]) }

    /// A stage of several components.
    ///
    /// - Parameter names: their names
    public init(arrayLiteral names: String...) { self.init(names) }
}

/// An adapter that is merged into the weights as they are loaded (`runtime_lora_config`).
public struct RuntimeLoRAConfig: Sendable, Equatable {
    /// The adapter's file or folder (`path`): must be given.
    public var path = ""
    /// How strongly it acts, on top of its own scaling (`scale`): default 1.
    public var scale = 1.0
    /// The transformers that it is for (`target_components`): default empty, for a model with one transformer.
    public var targetComponents: [String] = []
    /// Beginnings of its keys that are cut off (`strip_prefixes`): default empty.
    public var stripPrefixes: [String] = []
    /// Names of its modules and what they are called in the model (`key_map`): default empty.
    public var keyMap: [String: String] = [:]
    /// Whether its parts for queries, keys and values go to a joint projection where there is one (`fuse_qkv`): default true.
    public var fuseQKV = true
    /// Whether a part that fits nothing is an error (`strict`): default true.
    public var strict = true

    /// No adapter yet; set ``path``.
    public init() {}
}

extension TorchCompileConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("enable", &enable)
        fields.exchange("enable_fullgraph", &enableFullgraph)
        fields.exchange("enable_autotune", &enableAutotune)
    }
}

extension CudaGraphConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) { fields.exchange("enable", &enable) }
}

extension CpuOffloadConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("enable", &enable)
        fields.exchange("pin_memory", &pinMemory)
        fields.exchange("stages", &stages)
    }
}

extension OffloadStage: ConfigField {
    static var kind: String { "a component's name or a list of names" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> OffloadStage? {
        let names: [String]
        switch value {
        case .string(let name): names = [name]
        case .list:
            guard let read = [String].read(value, at: path, into: &problems) else { return nil }
            names = read
        default:
            problems.append(mismatch(value, at: path))
            return nil
        }
        let (stage, before) = (OffloadStage(names), problems.count)
        stage.check(at: path, into: &problems)
        return problems.count == before ? stage : nil
    }

    var configValue: ConfigValue { components.count == 1 ? .string(components[0]) : components.configValue }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if components.isEmpty || components.contains("") { problems.append(ConfigProblem(path, "must not be empty")) }
    }
}

extension RuntimeLoRAConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("path", &path, .notEmpty)
        fields.exchange("scale", &scale)
        fields.exchange("target_components", &targetComponents)
        fields.exchange("strip_prefixes", &stripPrefixes)
        fields.exchange("key_map", &keyMap)
        fields.exchange("fuse_qkv", &fuseQKV)
        fields.exchange("strict", &strict)
    }
}
