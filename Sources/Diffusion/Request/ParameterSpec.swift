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

    /// - Parameters:
    ///   - name: diffusers' name for it
    ///   - kind: its type
    ///   - defaultValue: what a request gets that does not say; nil if the model then does without
    ///   - help: what it does, in one line
    package init(_ name: String, _ kind: Kind, default defaultValue: ParameterValue? = nil, _ help: String) {
        (self.name, self.kind, self.defaultValue, self.help) = (name, kind, defaultValue, help)
    }

    /// What is wrong with a value.
    ///
    /// - Parameter value: what the user gave
    /// - Returns: the problem, or nil
    package func problem(with value: ParameterValue) -> RequestError? {
        kind.allows(value) ? nil : .value(name, found: "\(value)".cut(toBytes: 240), expected: kind.description)
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
