/// Weights of the transformers in fewer bits (`quant_config`), in the form that ModelOpt writes.
public struct QuantConfig: Sendable, Equatable {
    /// The algorithm (`quant_algo`): default null, which is the checkpoint's own, if it has one.
    public var quantAlgo: Algorithm?
    /// Whether weights are quantised as they are loaded, and activations as they come (`dynamic`): default null.
    ///
    /// Null is true. Where there are ``configGroups``, they decide.
    public var dynamic: Bool?
    /// Patterns of modules that stay as they are (`ignore`), with `*`, `?` and `[…]` as in file names: default empty.
    public var ignore: [String] = []
    /// How many values share a scale (`group_size`): at least 1, default null, the algorithm's own.
    public var groupSize: Int?
    /// ModelOpt's groups by name (`config_groups`): default empty.
    ///
    /// Of the first group by name, `weights.dynamic` and `input_activations.dynamic` count; all else is kept and not
    /// looked at.
    public var configGroups: [String: ConfigValue] = [:]

    /// A way to store weights in fewer bits.
    public enum Algorithm: String, Sendable, CaseIterable {
        /// 8 bits, E4M3, one scale for each weight.
        case fp8 = "FP8"
        /// 8 bits, E4M3, one scale for each row of a weight and each token.
        ///
        /// Ours and ModelOpt's, not TensorRT-LLM's.
        case fp8PerChannelPerToken = "FP8_PER_CHANNEL_PER_TOKEN"
        /// 8 bits, E4M3, one scale for each 128 × 128 values.
        case fp8BlockScales = "FP8_BLOCK_SCALES"
        /// 4 bits, E2M1, one scale for each 16 values.
        case nvfp4 = "NVFP4"
        /// Weights of 4 bits, activations of 16, by AWQ.
        case w4a16AWQ = "W4A16_AWQ"
        /// Weights of 4 bits, activations of 8, by AWQ.
        case w4a8AWQ = "W4A8_AWQ"
        /// Weights and activations of 8 bits, by SmoothQuant.
        case w8a8SmoothQuant = "W8A8_SQ_PER_CHANNEL"
    }

    /// What the checkpoint says.
    public init() {}

    /// Whether weights are quantised as they are loaded.
    public var quantizesWeightsAtLoad: Bool { isDynamic(in: "weights") }

    /// Whether activations get their scales as they come.
    public var scalesActivationsAtRun: Bool { isDynamic(in: "input_activations") }

    private func isDynamic(in part: String) -> Bool {
        guard let first = configGroups.keys.min(), case .mapping(let group)? = configGroups[first] else {
            return dynamic ?? true
        }
        guard case .mapping(let part)? = group[part] else { return false }
        return part["dynamic"] == .bool(true)
    }
}

extension QuantConfig.Algorithm: ConfigName {
    /// The only number of values that share a scale; nil if that is not what tells the algorithm's scales apart.
    fileprivate var groupSize: Int? {
        switch self {
        case .nvfp4: 16
        case .fp8BlockScales: 128
        case .fp8, .fp8PerChannelPerToken, .w4a16AWQ, .w4a8AWQ, .w8a8SmoothQuant: nil
        }
    }
}

extension QuantConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange("quant_algo", &quantAlgo)
        fields.exchange("dynamic", &dynamic)
        fields.exchange("ignore", &ignore, .each(.pattern))
        fields.exchange("group_size", &groupSize, .orNull(.atLeast(1)))
        fields.exchange("config_groups", &configGroups, Self.wellFormedGroups)
        if let groupSize, let own = quantAlgo?.groupSize {
            fields.require(
                groupSize == own, "group_size", with: ["quant_algo"],
                "must be \(own) for \(quantAlgo?.rawValue ?? ""), not \(groupSize)")
        }
    }

    /// A group is a mapping, so are its two parts that count, and `dynamic` in them is true or false.
    private static var wellFormedGroups: ConfigRule<[String: ConfigValue]> {
        ConfigRule { groups, path in
            groups.sorted { $0.key < $1.key }.flatMap { name, group -> [ConfigProblem] in
                guard case .mapping(let parts) = group else { return [notAMapping(group, path.field(name))] }
                return ["weights", "input_activations"].flatMap { part -> [ConfigProblem] in
                    let partPath = path.field(name).field(part)
                    guard let value = parts[part], value != .null else { return [] }
                    guard case .mapping(let settings) = value else { return [notAMapping(value, partPath)] }
                    var problems: [ConfigProblem] = []
                    if let dynamic = settings["dynamic"] {
                        _ = Bool.read(dynamic, at: partPath.field("dynamic"), into: &problems)
                    }
                    return problems
                }
            }
        }
    }

    private static func notAMapping(_ value: ConfigValue, _ path: String) -> ConfigProblem {
        [String: ConfigValue].mismatch(value, at: path)
    }
}
