internal import Files
package import Layers

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

extension CpuOffloadConfig {
    /// The same for workers; nil for no offloading.
    package var plan: OffloadPlan? {
        guard enable else { return nil }
        var plan = OffloadPlan()
        plan.isPinned = pinMemory
        plan.components = stages?.flatMap(\.components).map { Self.otherNames[$0] ?? $0 }
        return plan
    }

    /// TensorRT-LLM's names of components, and the checkpoints'.
    private static let otherNames = [
        "denoising_transformer": "transformer", "denoising_transformer_2": "transformer_2", "reasoner": "transformer",
        "generator": "transformer",
    ]

    /// What is wrong with ``stages`` for a model.
    ///
    /// - Parameter components: the names of the model's
    /// - Returns: every problem
    func problems(components: [String]) -> [ConfigProblem] {
        let unknown = (stages ?? []).flatMap(\.components).filter { !components.contains(Self.otherNames[$0] ?? $0) }
        return unknown.map { name in
            ConfigProblem(
                "cpu_offload_config.stages",
                "has \(name.shown), which the model does not have; its components are \(components.list())")
        }
    }
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
