package import Diffusion

/// A checker of the operator's, asked before a request is computed, and again before what was made of it is kept.
///
/// It knows no family. Where it cannot be asked nothing is made or kept.
package struct Guardrail: Sendable {
    private static let field = ParameterSpec.useGuardrails.name

    /// nil where no checker is configured: then nothing is checked.
    private let settings: GuardrailSettings?
    /// Whether the family's requests can say `use_guardrails`.
    private let isParameter: Bool

    /// - Parameters:
    ///   - settings: of the checker; nil for none
    ///   - isParameter: whether the family's requests can say `use_guardrails`
    package init(_ settings: GuardrailSettings? = nil, isParameter: Bool = false) {
        (self.settings, self.isParameter) = (settings, isParameter)
    }

    /// Whether there is a checker.
    package var isConfigured: Bool { settings != nil }

    /// Whether a request is checked.
    ///
    /// - Parameter request: settled
    package func applies(to request: GenerationRequest) -> Bool {
        settings != nil && request.extra[Self.field]?.flag != false
    }

    /// A request as it is computed: where it is checked it says so, and nothing of it is shown before it is finished.
    ///
    /// - Parameter request: resolved
    /// - Returns: the request
    /// - Throws: `InvalidRequest` for one that asks for a checker that there is not, or for none where every request has one
    package func settled(_ request: GenerationRequest) throws(InvalidRequest) -> GenerationRequest {
        let flag = request.extra[Self.field]?.flag
        guard let settings else {
            if flag == true { throw Self.refusal(true, "false: no checker is configured (guardrail_config)") }
            return request
        }
        if flag == false {
            if settings.isOptional { return request }
            throw Self.refusal(false, "true: every request is checked, as guardrail_config.optional is false")
        }
        var settled = request
        if isParameter { settled.extra[Self.field] = .bool(true) }
        settled.previews = 0
        return settled
    }

    private static func refusal(_ found: Bool, _ expected: String) -> InvalidRequest {
        InvalidRequest([.value(field, found: "\(found)", expected: expected)])
    }

    /// What a request asks for in vain, as it is checked.
    ///
    /// - Parameters:
    ///   - asked: what the user asks for
    ///   - settled: what became of it
    package func notes(on asked: GenerationRequest, settled: GenerationRequest) -> [RequestNote] {
        guard asked.previews > settled.previews else { return [] }
        return [RequestNote("partial_images", "the guardrail is shown only what is finished")]
    }

    /// The parameters that people can choose: whether a request is checked is a choice only where it may go unchecked.
    ///
    /// - Parameter specs: the family's
    /// - Returns: the same, or without that one
    package func choices(of specs: [ParameterSpec]) -> [ParameterSpec] {
        specs.compactMap { spec in
            guard spec.name == Self.field || spec.original == Self.field else { return spec }
            guard settings?.isOptional == true, spec.original == nil else { return nil }
            return ParameterSpec(spec.name, spec.kind, default: .bool(true), spec.help)
        }
    }
}

extension Guardrail {
    /// Asks for each prompt of a request, with its images.
    ///
    /// - Parameter request: settled, its images decoded
    /// - Throws: ``GuardrailError``, `CancellationError`, or `MediaError` for an image that cannot be encoded
    @concurrent
    package func checkPrompts(of request: GenerationRequest) async throws {
        guard let settings, applies(to: request) else { return }
        let checker = GuardrailClient(settings)
        for question in try GuardrailQuestion.prompts(of: request) { try await checker.require(question) }
    }

    /// What keeps the frames that the checker will be shown of a request's output.
    ///
    /// - Parameter request: settled
    /// - Returns: nil for one that is not checked
    package func sample(of request: GenerationRequest) -> OutputSample? {
        applies(to: request) ? settings.map { OutputSample(frames: $0.frames) } : nil
    }

    /// Asks for each image or video that was made; nothing of it may be kept before.
    ///
    /// - Parameters:
    ///   - sample: the frames; nil for a request that is not checked
    ///   - request: settled
    /// - Throws: ``GuardrailError``, `CancellationError`, or ``EngineError/noPixels`` where frames are missing
    @concurrent
    package func check(_ sample: OutputSample?, of request: GenerationRequest) async throws {
        guard let settings, let sample else { return }
        let checker = GuardrailClient(settings)
        for question in try GuardrailQuestion.outputs(sample.outputs(of: request), of: request) {
            try await checker.require(question)
        }
    }
}
