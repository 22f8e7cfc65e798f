package import Files

/// Why a request is not served that a guardrail was asked about.
package enum GuardrailError: BlamedError, Equatable {
    /// What the guardrail was asked about.
    package enum Stage: String, Sendable, Encodable {
        /// Prompt, negative prompt and images of a request.
        case prompt
        /// What was made of it.
        case output
    }

    /// The checker does not allow it, and why; empty if it does not say.
    case blocked(Stage, reason: String)
    /// The checker could not be asked, and why.
    case unreachable(checker: String, reason: String)
    /// It gave no answer in so many seconds.
    case late(checker: String, seconds: Double)
    /// Its answer is none: what it did, the rest of a sentence.
    case nonsense(checker: String, found: String)

    package var blame: Blame {
        if case .blocked = self { .blocked } else { .unavailable }
    }
}

extension GuardrailError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .blocked(let stage, let reason):
            "the guardrail does not allow \(stage == .prompt ? "the prompt" : "what was made")"
                + (reason.isEmpty ? "" : ": \(reason.cut(toBytes: 480).onOneLine)")
        case .unreachable(let checker, let reason): "the connection to the guardrail at \(checker) failed: \(reason)"
        case .late(let checker, let seconds): "the guardrail at \(checker) did not answer within \(seconds) s"
        case .nonsense(let checker, let found):
            "the guardrail at \(checker) \(found); it must answer {\"allowed\": true or false, \"reason\": text}"
        }
    }
}
