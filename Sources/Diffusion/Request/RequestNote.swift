/// A field that a request brings along and that changes nothing, and why.
package struct RequestNote: Sendable, Equatable {
    /// The field's name.
    package let field: String
    /// The rest of a sentence.
    package let reason: String

    /// - Parameters:
    ///   - field: the field's name
    ///   - reason: the rest of a sentence
    package init(_ field: String, _ reason: String) { (self.field, self.reason) = (field, reason) }

    /// A field that guidance alone reads, where there is none.
    ///
    /// - Parameters:
    ///   - field: the field's name
    ///   - scale: the name of the guidance's scale, which counts above 1
    ///   - value: the scale
    /// - Returns: the note
    package static func withoutGuidance(_ field: String, _ scale: String, _ value: Double) -> RequestNote {
        RequestNote(field, "\(scale) is \(ParameterValue.number(value)), and it counts only above 1")
    }
}

extension RequestNote: CustomStringConvertible {
    package var description: String { "\(field) has no effect: \(reason)" }
}

extension GenerationRequest {
    /// Whether a text says what must not be shown, other than a model's own choice.
    ///
    /// - Parameter defaults: the model's choices
    /// - Returns: false also for texts that are all empty
    package func hasNegativePrompt(besides defaults: GenerationRequest) -> Bool {
        negativePrompts.contains { !$0.isEmpty } && negativePrompts != defaults.negativePrompts
    }
}
