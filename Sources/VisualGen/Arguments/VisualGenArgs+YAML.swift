internal import Files

extension VisualGenArgs {
    /// Reads a configuration from a YAML file.
    ///
    /// - Parameters:
    ///   - path: the file; its root is a mapping with the original's names, or nothing
    ///   - overrides: fields of the root that take the place of the file's; a mapping replaces the file's as a whole
    /// - Throws: ``ConfigurationError`` with all that is wrong, naming the file
    public init(yaml path: String, overrides: [String: ConfigValue] = [:]) throws(ConfigurationError) {
        do {
            try self.init(yamlText: Self.text(ofFile: path), overrides: overrides)
        } catch {
            throw ConfigurationError(error.problems, file: path)
        }
    }

    /// Reads a configuration from YAML.
    ///
    /// - Parameters:
    ///   - text: one document; its root is a mapping with the original's names, or nothing
    ///   - overrides: fields of the root that take the place of the text's; a mapping replaces the text's as a whole
    /// - Throws: ``ConfigurationError`` with all that is wrong
    public init(yamlText text: String, overrides: [String: ConfigValue] = [:]) throws(ConfigurationError) {
        try self.init(dictionary: YAMLText.fields(in: text).merging(overrides) { _, override in override })
    }

    private static func text(ofFile path: String) throws(ConfigurationError) -> String {
        let bytes: [UInt8]
        do {
            bytes = try InputFile(reading: path).readAll(limit: YAMLText.byteLimit)
        } catch {
            throw ConfigurationError([ConfigProblem("", "the file \(error.fault)")])
        }
        guard let text = String(validating: bytes.withoutByteOrderMark, as: UTF8.self) else {
            throw ConfigurationError([ConfigProblem("", "the file is not text in UTF-8")])
        }
        return text
    }
}
