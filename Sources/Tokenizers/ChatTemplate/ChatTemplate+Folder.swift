internal import Files

extension ChatTemplate {
    /// The template of a tokenizer's or processor's folder: `chat_template.jinja`, else the one of
    /// `tokenizer_config.json`, else that of `chat_template.json`.
    ///
    /// - Parameter folder: the folder
    /// - Throws: ``TokenizerError``, also if there is none
    package init(folder: String) throws {
        let files = try TokenizerFolder(folder)
        if files.has("chat_template.jinja") {
            let file = files.file("chat_template.jinja")
            guard let text = String(validating: try files.bytes("chat_template.jinja"), as: UTF8.self) else {
                throw TokenizerError.unreadable(file: file, reason: "it is not valid UTF-8")
            }
            try self.init(text, file: file)
            return
        }
        for name in ["tokenizer_config.json", "chat_template.json"] {
            guard let fields = try files.fieldsIfPresent(name), let text = try Self.text(fields) else { continue }
            try self.init(text, file: fields.file)
            return
        }
        throw TokenizerError.noTemplate(folder: folder)
    }

    /// `chat_template`: one text, or several with names, of which one is the default.
    private static func text(_ fields: Fields) throws -> String? {
        guard case .array = fields["chat_template"] else { return try fields.stringIfPresent("chat_template") }
        let templates = try fields.list("chat_template")
        guard let standard = try templates.first(where: { try $0.string("name") == "default" }) else {
            throw fields.invalid("chat_template", "none of its templates is named default")
        }
        return try standard.string("template")
    }
}
