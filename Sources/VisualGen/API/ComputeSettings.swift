internal import Files

/// What a configuration says of how a model computes that changes what is made: the files' recipes tell it.
package struct ComputeSettings: Sendable, Equatable {
    /// The step cache, if there is one.
    package let cache: CacheConfig?
    /// How the weights are quantised, if that is asked for.
    package let quantization: QuantConfig?
    /// How attention is computed, if that is asked for.
    package let attention: AttentionConfig?
    /// What is merged into the weights.
    package let loras: [RuntimeLoRAConfig]
    /// Settings of the model's own pipeline.
    package var pipeline: [String: ConfigValue]

    /// - Parameter args: the configuration
    package init(_ args: VisualGenArgs = VisualGenArgs()) {
        cache = args.cacheConfig
        quantization = args.quantConfig.quantAlgo == nil ? nil : args.quantConfig
        attention = args.attentionConfig == AttentionConfig() ? nil : args.attentionConfig
        loras = args.runtimeLoRAConfigs
        pipeline = args.pipelineConfig
    }

    /// The options of `visualgen generate` that say the same.
    var arguments: [String] {
        let options: [(name: String, value: ConfigValue?)] = [
            ("cache-config", cache?.configValue), ("quant-config", quantization?.configValue),
            ("attention-config", attention?.configValue),
            ("pipeline-config", pipeline.isEmpty ? nil : ConfigValue.mapping(pipeline)),
        ]
        return options.compactMap { option in option.value.map { "--\(option.name)=\($0)" } } + loraArguments
    }

    /// The same in a few words.
    var labels: [String] {
        let attention = attention.map { attention in
            let recipe = attention.quantAttentionConfig.map { " \($0.recipe)" } ?? ""
            return "attention \(attention.backend.rawValue)\(recipe)"
        }
        return [cache?.tag, quantization?.quantAlgo?.rawValue, attention].compactMap(\.self)
            + loras.map { "LoRA \($0.path.pathName) \($0.scale)" }
    }

    private var loraArguments: [String] {
        if loras.allSatisfy({ $0 == RuntimeLoRAConfig($0.path, scale: $0.scale) }) {
            return loras.map { "--lora=\($0.path):\($0.scale)" }
        }
        return ["--runtime-lora-config=\(LoRAList(configs: loras).configValue)"]
    }
}
