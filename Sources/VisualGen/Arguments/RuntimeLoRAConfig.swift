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
    /// Whether queries, keys and values go to a joint projection where there is one (`fuse_qkv`): default true.
    public var fuseQKV = true
    /// Whether a part that fits nothing is an error (`strict`): default true.
    public var strict = true

    /// No adapter yet; set ``path``.
    public init() {}
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
