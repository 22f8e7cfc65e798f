internal import Files

/// A parameter that only some families know: its name, type and range.
package struct ParameterSpec: Sendable, Equatable, Codable {
    /// The type of a parameter, with the values allowed.
    package enum Kind: Sendable, Equatable, Codable {
        case number(ClosedRange<Double>)
        /// True or false.
        case flag
        /// One text for the batch, or a list with one for each prompt.
        case texts
        /// Numbers within a range, at least one.
        case numbers(ClosedRange<Double>)
    }

    /// diffusers' name for it.
    package let name: String
    package let kind: Kind
    /// What a request gets that does not say; nil if the model then does without.
    package let defaultValue: ParameterValue?
    /// What it does, in one line.
    package let help: String
    /// The parameter that this is only another name of; nil for one of its own.
    package let original: String?

    /// - Parameters:
    ///   - name: diffusers' name for it
    ///   - kind: its type
    ///   - defaultValue: what a request gets that does not say; nil if the model then does without
    ///   - help: what it does, in one line
    package init(_ name: String, _ kind: Kind, default defaultValue: ParameterValue? = nil, _ help: String) {
        (self.name, self.kind, self.defaultValue, self.help, original) = (name, kind, defaultValue, help, nil)
    }

    /// Another name of a parameter.
    ///
    /// - Parameters:
    ///   - name: the other name
    ///   - original: the parameter's own
    ///   - kind: its type
    package init(_ name: String, anotherNameOf original: String, _ kind: Kind) {
        (self.name, self.original, self.kind, defaultValue) = (name, original, kind, nil)
        help = "another name of \(original)"
    }

    /// What is wrong with a value.
    ///
    /// - Parameter value: what the user gave
    /// - Returns: the problem, or nil
    package func problem(with value: ParameterValue) -> RequestError? {
        kind.allows(value) ? nil : .value(name, found: "\(value)".cut(toBytes: 240), expected: kind.description)
    }
}

extension ParameterSpec {
    /// Whether a checker of the operator's must allow prompt and output.
    ///
    /// A family that has it says that its reference has a guardrail; what comes of it is the engine's.
    package static let useGuardrails = ParameterSpec(
        "use_guardrails", .flag,
        "whether the checker of guardrail_config must allow prompt and output; true where one is configured, else false"
    )
}

extension GenerationRequest {
    /// The request with its parameters under their own names.
    ///
    /// - Parameter specs: what the family knows
    /// - Returns: the request without other names
    /// - Throws: ``InvalidRequest`` where two names of one parameter have different values
    package func renamed(by specs: [ParameterSpec]) throws(InvalidRequest) -> GenerationRequest {
        var renamed = self
        for spec in specs {
            guard let original = spec.original, let value = renamed.extra[spec.name] else { continue }
            if let other = renamed.extra[original], other != value {
                throw InvalidRequest([.value(spec.name, found: "\(value)", expected: "the same as \(original)")])
            }
            (renamed.extra[original], renamed.extra[spec.name]) = (value, nil)
        }
        return renamed
    }
}

extension ParameterSpec.Kind {
    fileprivate func allows(_ value: ParameterValue) -> Bool {
        switch (self, value) {
        case (.number(let range), .number(let number)): range.contains(number)
        case (.flag, .bool): true
        case (.texts, .text): true
        case (.texts, .list(let items)): !items.isEmpty && items.allSatisfy { $0.text != nil }
        case (.numbers(let range), .list(let items)):
            !items.isEmpty && items.allSatisfy { $0.number.map(range.contains) ?? false }
        default: false
        }
    }
}

extension ParameterSpec.Kind: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .flag: "true or false"
        case .texts: "a text, or a list of texts"
        case .numbers(let range): "a list of numbers from \(range.lowerBound) to \(range.upperBound)"
        }
    }
}
