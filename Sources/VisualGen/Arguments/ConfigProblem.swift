internal import Files

/// One thing that is wrong with a configuration.
public struct ConfigProblem: Sendable, Equatable {
    /// The full name of the field, as in `parallel_config.cfg_size`; empty for the configuration as a whole.
    public let field: String
    /// What is wrong, as the rest of a sentence that begins with the field.
    public let statement: String

    /// A problem.
    ///
    /// - Parameters:
    ///   - field: the full name of the field, its parts joined by dots
    ///   - statement: what is wrong, as the rest of a sentence that begins with the field
    public init(_ field: String, _ statement: String) { (self.field, self.statement) = (field, statement) }
}

extension ConfigProblem: CustomStringConvertible {
    /// The sentence, without a full stop.
    public var description: String { field.isEmpty ? statement : "\(field) \(statement)" }
}

/// Everything that is wrong with a configuration.
public struct ConfigurationError: Error, Sendable, Equatable {
    /// The file that it was read from, if it was.
    public let file: String?
    /// The problems, at least one, in the order of the fields.
    public let problems: [ConfigProblem]

    /// An error that reports problems.
    ///
    /// - Parameters:
    ///   - problems: all of them, at least one
    ///   - file: the file that the configuration was read from, nil if there was none
    public init(_ problems: [ConfigProblem], file: String? = nil) { (self.problems, self.file) = (problems, file) }
}

extension ConfigurationError: CustomStringConvertible {
    /// A sentence for a single problem, otherwise a line for each.
    public var description: String {
        if problems.count == 1, let problem = problems.first { return (file.map { "\($0): " } ?? "") + "\(problem)" }
        return "\(file ?? "the configuration") has \(problems.count) problems:"
            + "\n  " + problems.lazy.map(\.description).list(separator: "\n  ")
    }
}
