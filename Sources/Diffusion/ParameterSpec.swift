/// A parameter that only some families know: its name, type and range.
package struct ParameterSpec: Sendable {
    /// The type of a parameter, with the values allowed.
    package enum Kind: Sendable {
        case number(ClosedRange<Double>)
        /// One text for the batch, or a list with one for each prompt.
        case texts
        /// Numbers within a range, at least one.
        case numbers(ClosedRange<Double>)
    }

    /// diffusers' name for it.
    package let name: String
    package let kind: Kind
    /// What it does, in one line.
    package let help: String

    /// - Parameters:
    ///   - name: diffusers' name for it
    ///   - kind: its type
    ///   - help: what it does, in one line
    package init(_ name: String, _ kind: Kind, _ help: String) {
        (self.name, self.kind, self.help) = (name, kind, help)
    }

    /// Checks a value.
    ///
    /// - Parameter value: what the user gave
    /// - Throws: ``RequestError``
    package func check(_ value: ParameterValue) throws(RequestError) {
        switch (kind, value) {
        case (.number(let range), .number(let number)) where range.contains(number): return
        case (.texts, .text): return
        case (.texts, .list(let items)) where !items.isEmpty && items.allSatisfy({ $0.text != nil }): return
        case (.numbers(let range), .list(let items))
        where !items.isEmpty && items.allSatisfy({ $0.number.map(range.contains) ?? false }):
            return
        default: throw .value(name, found: "\(value)", expected: kind.description)
        }
    }
}

extension ParameterSpec.Kind: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .texts: "a text, or a list of texts"
        case .numbers(let range): "a list of numbers from \(range.lowerBound) to \(range.upperBound)"
        }
    }
}

extension ParameterValue {
    /// The number, if it is one.
    package var number: Double? { if case .number(let number) = self { number } else { nil } }
    /// The text, if it is one.
    package var text: String? { if case .text(let text) = self { text } else { nil } }
    /// The items of a list, or the value itself as the only one.
    package var items: [ParameterValue] { if case .list(let items) = self { items } else { [self] } }
}

extension ParameterValue: CustomStringConvertible {
    package var description: String {
        switch self {
        case .number(let number): "\(number)"
        case .bool(let flag): "\(flag)"
        case .text(let text): "\"\(text)\""
        case .list(let items): "[\(items.map(\.description).joined(separator: ", "))]"
        case .null: "null"
        }
    }
}
