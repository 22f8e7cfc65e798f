/// How diffusers cleans a prompt before some models' tokenizers see it.
// Source: diffusers 0.42.1, pipelines/wan/pipeline_wan.py, `prompt_clean`.
package enum PromptCleaning {
    /// Repairs the text, decodes HTML twice, and turns every run of white space into one blank.
    ///
    /// - Parameter text: what the user wrote
    /// - Returns: the text as a tokenizer should see it
    package static func clean(_ text: String) -> String {
        var scalars = TextRepair.repair(Array(text.unicodeScalars))
        scalars = HTMLEntities.decode(HTMLEntities.decode(scalars))
        return String(scalars.collapsingWhiteSpace())
    }

    /// Whether a text looks like UTF-8 that was read in another encoding.
    ///
    /// - Parameter text: any text
    /// - Returns: true if it holds an unlikely sequence of characters
    package static func looksMisread(_ text: String) -> Bool { MojibakeRule.matchesAny(in: Array(text.unicodeScalars)) }
}

/// A text that stages replace parts of; a `String`'s own characters would join what belongs apart.
typealias Scalars = [Unicode.Scalar]

extension String {
    init(_ scalars: Scalars) {
        self.init()
        unicodeScalars.append(contentsOf: scalars)
    }
}

extension Scalars {
    /// The text in capitals; one letter may become several.
    func uppercased() -> Scalars { Scalars(String(self).uppercased().unicodeScalars) }

    /// The text without white space at its ends, and one blank for every run of it.
    func collapsingWhiteSpace() -> Scalars {
        var result: Scalars = []
        for word in split(whereSeparator: \.isWhiteSpace) {
            if !result.isEmpty { result.append(" ") }
            result += word
        }
        return result
    }
}

extension Unicode.Scalar {
    /// White space as Python sees it, which counts the four separators of ASCII.
    var isWhiteSpace: Bool {
        if isASCII { return (0x09...0x0D).contains(value) || (0x1C...0x20).contains(value) }
        return properties.isWhitespace
    }

    /// A scalar of a code that is known to be one.
    init(known code: UInt32) { self = Unicode.Scalar(code) ?? "\u{FFFD}" }
}
