/// How the attention of transformers is computed.
package struct AttentionPlan: Sendable, Equatable, Codable {
    /// The exact kernel; nil for the device's own.
    package var backend: AttentionBackend?
    /// How queries, keys and values are rounded; nil for not at all.
    package var quantization: AttentionQuantization?

    /// - Parameters:
    ///   - backend: the exact kernel; nil for the device's own
    ///   - quantization: how queries, keys and values are rounded; nil for not at all
    package init(_ backend: AttentionBackend? = nil, quantization: AttentionQuantization? = nil) {
        (self.backend, self.quantization) = (backend, quantization)
    }
}

/// A recipe of quantised attention, and where attention stays exact.
package struct AttentionQuantization: Sendable, Equatable, Codable {
    /// What queries and keys are rounded to; values are E4M3 in any case.
    package enum Codes: String, Sendable, Codable, CaseIterable {
        case int8, fp8
        /// They stay as they are.
        case unrounded
    }

    package var codes: Codes
    /// How many keys share a scale.
    package var keyBlock: Int
    /// Whether values have a scale for each channel of a head, rather than one for each item of a batch.
    package var valueChannels: Bool
    /// How many of a request's first steps are exact.
    package var firstExactSteps = 0
    /// How many of a request's last steps are exact.
    package var lastExactSteps = 0
    /// Patterns of the names of attentions that are exact, as ``QuantizationPlan/matches(_:_:)`` reads them.
    package var exactLayers: [String] = []

    /// - Parameters:
    ///   - codes: what queries and keys are rounded to
    ///   - keyBlock: how many keys share a scale
    ///   - valueChannels: whether values have a scale for each channel of a head
    package init(_ codes: Codes, keyBlock: Int = 1, valueChannels: Bool = true) {
        (self.codes, self.keyBlock, self.valueChannels) = (codes, keyBlock, valueChannels)
    }

    /// The kernel's name: `sage-int8`, `sage-fp8` or `qk16pv8`.
    package var kernelName: String { codes == .unrounded ? "qk16pv8" : "sage-\(codes.rawValue)" }

    /// Whether an attention is quantised in some step.
    ///
    /// That of tokens to a prompt or to another stream never is, as in TensorRT-LLM: it is a small part of the work.
    func includes(_ site: AttentionSite) -> Bool {
        [.selfAttention, .joint].contains(site.role)
            && !exactLayers.contains { QuantizationPlan.matches($0, site.name) }
    }

    /// Whether attention is quantised in a step; nil is outside the denoising loop.
    func includes(_ step: DenoisingStep?) -> Bool {
        guard let step else { return true }
        return step.index >= firstExactSteps && step.index < step.count - lastExactSteps
    }
}
