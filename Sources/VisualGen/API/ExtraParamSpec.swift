internal import Diffusion

/// A parameter that only some models have.
public struct ExtraParamSpec: Sendable, Equatable {
    /// What it takes.
    public enum Kind: Sendable, Equatable {
        /// A number of a range, its ends included.
        case number(ClosedRange<Double>)
        /// True or false.
        case flag
        /// A text, or a list of texts.
        case texts
        /// A list of numbers, each of a range.
        case numbers(ClosedRange<Double>)
    }

    /// What it takes.
    public let kind: Kind
    /// What a request gets that does not say; nil if the model then does without.
    public let defaultValue: ConfigValue?
    /// What it does, in one line.
    public let description: String

    init(_ spec: ParameterSpec) {
        kind =
            switch spec.kind {
            case .number(let range): .number(range)
            case .flag: .flag
            case .texts: .texts
            case .numbers(let range): .numbers(range)
            }
        defaultValue = spec.defaultValue.map(ConfigValue.init)
        description = spec.help
    }
}
