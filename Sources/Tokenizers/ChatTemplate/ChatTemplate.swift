/// How a chat becomes the one text that a language model reads: a Jinja template that comes with the tokenizer.
///
/// What a template may do is bounded, so that none hangs, grows without end, or exhausts the stack.
// Source: huggingface/transformers 5.23.0, utils/chat_template_utils.py, `render_jinja_template`.
package struct ChatTemplate: Sendable {
    /// No template is longer; the longest published ones have 20 kB.
    static let lengthLimit = 1 << 20

    private let file: String
    private let statements: [TemplateStatement]

    /// Reads a template.
    ///
    /// - Parameters:
    ///   - text: the template
    ///   - file: where it stands, for errors
    /// - Throws: ``TokenizerError/template(file:line:fault:)``
    package init(_ text: String, file: String) throws(TokenizerError) {
        self.file = file
        guard text.utf8.count <= Self.lengthLimit else {
            throw .template(file: file, line: 1, fault: .tooLarge("\(text.utf8.count) bytes"))
        }
        do {
            statements = try TemplateParser.statements(of: text)
        } catch {
            throw .template(file: file, line: error.line, fault: error.fault)
        }
    }

    /// Renders messages with other variables of the template's own.
    ///
    /// - Parameters:
    ///   - messages: the chat, at least one message
    ///   - variables: what the template reads besides: special tokens by role, `add_generation_prompt`, `enable_thinking`
    /// - Returns: the text
    /// - Throws: ``TokenizerError/template(file:line:fault:)``
    package func render(_ messages: [ChatMessage], _ variables: [String: TemplateValue] = [:]) throws(TokenizerError)
        -> String
    {
        try render(variables.merging(["messages": .list(messages.map(\.value))]) { $1 })
    }

    /// Renders any variables.
    ///
    /// - Parameter variables: what the template reads, `messages` among it
    /// - Returns: the text
    /// - Throws: ``TokenizerError/template(file:line:fault:)``
    package func render(_ variables: [String: TemplateValue]) throws(TokenizerError) -> String {
        let standard: [String: TemplateValue] = [
            "tools": .null, "documents": .null, "add_generation_prompt": .bool(false),
        ]
        do {
            return try TemplateEvaluator.render(statements, standard.merging(variables) { $1 })
        } catch {
            throw .template(file: file, line: error.line, fault: error.fault)
        }
    }
}
