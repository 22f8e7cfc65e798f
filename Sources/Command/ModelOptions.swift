internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation
internal import Layers
internal import Tensors
internal import VisualGen

/// Which model, where and how it runs.
struct ModelOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "A checkpoint's folder, a hub id such as org/name, demo-image or demo-video.")
    var model: String?

    @Option(name: .long, help: "The hub's branch, tag or commit.")
    var revision: String?

    @Option(
        name: [.long, .customLong("visual_gen_args"), .customLong("extra_visual_gen_options")],
        help: "VisualGenArgs as YAML; the options given here replace its fields.")
    var config: String?

    /// Unlike ``Tensors/Device`` it may leave open which GPU: several workers then have one each.
    @Option(name: .long, help: "cpu, cuda or cuda:N.", transform: Self.device)
    var device: VisualGenArgs.Device?

    @Option(name: .long, help: "float32, bfloat16 or float16; float32 on a CPU if absent.")
    var dtype: ComputeType?

    @Option(name: .long, parsing: .unconditional, help: "Threads of one operation.")
    var threads: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "Memory limit, such as 8GB, 8GiB or 500MB. Default: what the process may use of the machine.")
    var memoryLimit: String?

    @Option(
        name: .long, help: "Step cache: cache_config as YAML, such as '{cache_backend: teacache}'.")
    var cacheConfig: String?

    @Option(
        name: .long, help: "Quantised weights: quant_config as YAML, such as '{quant_algo: FP8}'.")
    var quantConfig: String?

    @Option(
        name: .long,
        help: "Attention: attention_config as YAML, such as '{backend: FA4}'.")
    var attentionConfig: String?

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: "LoRA to merge into the weights, as FILE or FILE:SCALE; the scale is 1 if absent. Repeatable.")
    var lora: [LoRAArgument] = []

    @Option(
        name: .long,
        help: "LoRAs with more to say of them: runtime_lora_config as YAML, such as '{path: FILE, strict: false}'.")
    var runtimeLoraConfig: String?

    @Option(
        name: .long,
        help: "A checker of prompts and outputs: guardrail_config as YAML, such as '{url: http://localhost:9000}'.")
    var guardrailConfig: String?

    @OptionGroup var pipeline: PipelineConfigOption

    @Flag(
        name: [.long, .customLong("allow-unknown-config")],
        help: "Skip config keys and tensors that this build does not know, at the risk of wrong images.")
    var allowUnknown = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("threads is \(threads); it must be from 1 to 1024")
        }
        if !lora.isEmpty, runtimeLoraConfig != nil {
            throw ValidationError("lora and runtime-lora-config say the same twice; give one of them")
        }
    }

    /// The configuration: the file's, with what the options say in place of its fields.
    ///
    /// - Parameter name: the model, where it has a place of its own on the command line
    /// - Returns: a configuration that this build can honour
    /// - Throws: `ConfigurationError`
    func arguments(model name: String? = nil) throws -> VisualGenArgs {
        var overrides: [String: ConfigValue] = [:]
        overrides["model"] = (name ?? model).map { .string($0) }
        overrides["revision"] = revision.map { .string($0) }
        overrides["device"] = device.map { .string($0.description) }
        overrides["dtype"] = dtype.map { .string($0.rawValue) }
        overrides["threads"] = threads.map { .int($0) }
        overrides["memory_limit"] = memoryLimit.map { text in Int(text).map { .int($0) } ?? .string(text) }
        for (field, text) in [
            ("cache_config", cacheConfig), ("quant_config", quantConfig), ("attention_config", attentionConfig),
            ("runtime_lora_config", runtimeLoraConfig), ("pipeline_config", pipeline.pipelineConfig),
            ("guardrail_config", guardrailConfig),
        ] {
            guard let text else { continue }
            overrides[field] = try VisualGenArgs(yamlText: "\(field): \(text)").dictionary[field] ?? .null
        }
        if !lora.isEmpty { overrides["runtime_lora_config"] = .list(lora.map(\.config)) }
        if allowUnknown { overrides["allow_unknown"] = true }
        let arguments =
            try config.map { path throws(ConfigurationError) in try VisualGenArgs(yaml: path, overrides: overrides) }
            ?? VisualGenArgs(dictionary: overrides)
        if arguments.model.isEmpty {
            throw ValidationError("a model is needed: --model, or model in the configuration")
        }
        try EngineError.require(arguments.worker(at: arguments.model).options.plan.device)
        let environment = ProcessInfo.processInfo.environment
        let unavailable = arguments.unavailable() + arguments.launchProblems(environment)
        if !unavailable.isEmpty { throw ConfigurationError(unavailable, file: config) }
        let problems = try arguments.cardProblems(environment)
        if !problems.isEmpty { throw ConfigurationError(problems, file: config) }
        return arguments
    }

    private static func device(_ name: String) throws -> VisualGenArgs.Device {
        guard let device = VisualGenArgs.Device(name) else { throw ValidationError("expected cpu, cuda or cuda:N") }
        return device
    }

    /// What of a configuration changes nothing; empty if all of it counts.
    static func note(on arguments: VisualGenArgs) -> String {
        guard arguments.revision != nil, ModelLocation.isLocal(arguments.model) else { return "" }
        return "revision has no effect: \(arguments.model) is not a model of the hub"
    }
}

/// A LoRA file, with or without how strongly it acts.
struct LoRAArgument: ExpressibleByArgument {
    let path: String
    let scale: Double

    init?(argument: String) {
        let bytes = argument.utf8
        if let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon > bytes.startIndex,
            let scale = Double(argument[bytes.index(after: colon)...]), scale.isFinite
        {
            (path, self.scale) = (String(argument[..<colon]), scale)
        } else {
            (path, scale) = (argument, 1)
        }
        if path.isEmpty { return nil }
    }

    /// An item of `runtime_lora_config`.
    var config: ConfigValue { ["path": .string(path), "scale": .double(scale)] }
}

/// A type that models compute in.
enum ComputeType: String, ExpressibleByArgument, CaseIterable {
    case float32, bfloat16, float16

    var dtype: DType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}

extension Device: ExpressibleByArgument {
    /// Reads a device from the command line.
    public init?(argument: String) { self.init(argument) }
}
