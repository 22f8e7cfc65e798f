internal import Layers

/// A LoRA that is merged into the weights as they are loaded (`runtime_lora_config`).
public struct RuntimeLoRAConfig: Sendable, Equatable {
    /// The LoRA's file or folder (`path`): must be given.
    public var path = ""
    /// How strongly it acts, on top of its own scaling (`scale`): default 1.
    public var scale = 1.0
    /// The components that it is for, such as `transformer_2` (`target_components`): default empty, which is the first
    /// transformer and, where the file has something for them, the text encoders.
    public var targetComponents: [String] = []
    /// Beginnings of its keys that are cut off, of each key the first that fits (`strip_prefixes`): default empty.
    public var stripPrefixes: [String] = []
    /// Names of its modules, or beginnings of names up to a dot, and what they are called in the model (`key_map`): default
    /// empty.
    public var keyMap: [String: String] = [:]
    /// Whether TensorRT-LLM merges into joint projections of queries, keys and values (`fuse_qkv`): default true.
    ///
    /// It changes nothing here: a file's joint projection is cut into the model's, and the result is the same.
    public var fuseQKV = true
    /// Whether a tensor that no part of the model takes is an error (`strict`): default true.
    public var strict = true

    /// No LoRA yet; set ``path``.
    public init() {}

    /// A LoRA.
    ///
    /// - Parameters:
    ///   - path: its file or folder
    ///   - scale: how strongly it acts
    public init(_ path: String, scale: Double = 1) { (self.path, self.scale) = (path, scale) }
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

extension RuntimeLoRAConfig {
    /// What the engine is asked for.
    var plan: LoRAPlan {
        var plan = LoRAPlan(path)
        (plan.scale, plan.components, plan.isStrict) = (scale, targetComponents, strict)
        (plan.strippedPrefixes, plan.keyMap) = (stripPrefixes, keyMap)
        return plan
    }
}

/// Several LoRAs, written as a list; a single one also as a mapping, as TensorRT-LLM has it, and none as null.
struct LoRAList: ConfigField {
    var configs: [RuntimeLoRAConfig]

    static var kind: String { "a mapping or a list of mappings" }

    static func read(_ value: ConfigValue, at path: String, into problems: inout [ConfigProblem]) -> LoRAList? {
        switch value {
        case .null: return LoRAList(configs: [])
        case .mapping: return RuntimeLoRAConfig.read(value, at: path, into: &problems).map { LoRAList(configs: [$0]) }
        case .list: return [RuntimeLoRAConfig].read(value, at: path, into: &problems).map(LoRAList.init)
        default:
            problems.append(mismatch(value, at: path))
            return nil
        }
    }

    var configValue: ConfigValue {
        configs.isEmpty ? .null : configs.count == 1 ? configs[0].configValue : configs.configValue
    }

    func check(at path: String, into problems: inout [ConfigProblem]) {
        if configs.count == 1 {
            configs[0].check(at: path, into: &problems)
        } else {
            configs.check(at: path, into: &problems)
        }
    }
}
