internal import Engine

/// A checker that is asked about every prompt and every output (`guardrail_config`).
///
/// It is the operator's own, and speaks HTTP. A request that it does not allow, or about which it cannot be asked, fails with
/// an error, and nothing of it is kept.
///
/// Ours, not TensorRT-LLM's, which has a checker of its own for some models.
public struct GuardrailConfig: Sendable, Equatable {
    /// The checker's address (`url`), of http or https: default null, nothing is checked.
    public var url: String?
    /// How long one answer may take, in seconds (`timeout`): above 0 and at most 3600, default 30.
    public var timeout = 30.0
    /// How many frames of a video the checker is shown, evenly spaced (`frames`): 1 to 256, default 8.
    public var frames = 8
    /// Whether requests may say `use_guardrails: false` (`optional`): default false.
    public var optional = false

    /// No checker.
    public init() {}
}

extension GuardrailConfig: ConfigRecord {
    mutating func exchange(_ fields: inout ConfigFields) {
        fields.exchange(
            "url", &url,
            .orNull(.must("an address of http or https, without a user", GuardrailSettings.isAddress)))
        fields.exchange("timeout", &timeout, .must("above 0 and at most 3600") { $0 > 0 && $0 <= 3600 })
        fields.exchange("frames", &frames, .within(1...256))
        fields.exchange("optional", &optional)
    }

    /// The same for the engine; nil without a checker.
    var settings: GuardrailSettings? {
        url.map { url in
            var settings = GuardrailSettings(url: url)
            (settings.timeout, settings.frames, settings.isOptional) = (timeout, frames, optional)
            return settings
        }
    }
}
