/// A text that is equal to the same bytes alone, as names in files are.
///
/// Two strings of Swift are equal if Unicode calls them equivalent, as `é` in one scalar and in two, or `K` and the sign
/// for kelvin.
package struct ExactText: Sendable {
    /// The text.
    package let text: String

    /// - Parameter text: the text
    package init(_ text: String) { self.text = text }
}

extension ExactText: Hashable {
    package static func == (one: ExactText, other: ExactText) -> Bool {
        one.text.utf8.elementsEqual(other.text.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
