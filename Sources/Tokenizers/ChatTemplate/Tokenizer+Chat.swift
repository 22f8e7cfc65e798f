extension Tokenizer {
    /// Renders a chat, with this tokenizer's special tokens.
    ///
    /// - Parameters:
    ///   - messages: the chat, at least one message
    ///   - template: how
    ///   - variables: what the template reads besides, such as `add_generation_prompt`
    /// - Returns: the text, special tokens included
    /// - Throws: ``TokenizerError``
    package func render(
        _ messages: [ChatMessage], by template: ChatTemplate, _ variables: [String: TemplateValue] = [:]
    ) throws(TokenizerError) -> String {
        let specials = roles.map { ($0.rawValue, TemplateValue.string($1)) }
        return try template.render(messages, variables.merging(specials) { given, _ in given })
    }

    /// Whether a rendered chat begins with the token that begins a sequence, so that no second one is wanted.
    ///
    /// - Parameter text: a rendered chat
    /// - Returns: whether it does
    package func begins(_ text: String) -> Bool {
        guard let token = roles[.bos] else { return false }
        return text.utf8.starts(with: token.utf8)
    }

    /// Checks that texts are one token each, as those that a template writes between messages must be.
    ///
    /// - Parameters:
    ///   - tokens: such as `<|im_start|>`
    ///   - name: the tokenizer, for the error
    /// - Throws: ``TokenizerError/lacksTokens(_:in:)``
    package func require(_ tokens: [String], in name: String) throws {
        let lacking = try tokens.filter { token in
            guard let id = id(of: token) else { return true }
            return try encode(token, addSpecialTokens: false) != [id]
        }
        if !lacking.isEmpty { throw TokenizerError.lacksTokens(lacking, in: name) }
    }
}
