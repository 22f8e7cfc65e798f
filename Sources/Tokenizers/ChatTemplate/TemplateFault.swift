internal import Files

/// What is wrong with a chat template, or with what it is given.
package enum TemplateFault: Error, Equatable {
    /// A construct of Jinja that this build does not have.
    case unsupported(String)
    /// Something that stands where it cannot.
    case unexpected(String, wanted: String)
    /// Operands or arguments that an operation cannot take.
    case operands(String)
    /// A value that nobody gave.
    case undefined(String)
    /// What the template itself says with `raise_exception`.
    case raised(String)
    /// Nested deeper, or longer, than any template is.
    case tooLarge(String)
    /// It takes more steps, or makes more text, than any template does.
    case exhausted
}

extension TemplateFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unsupported(let name): "it uses \(name), which is not implemented"
        case .unexpected(let found, let wanted): "\(found) stands where \(wanted) should"
        case .operands(let what): what
        case .undefined(let name): "\(name) is undefined"
        case .raised(let message): "it refuses the messages: \(message)"
        case .tooLarge(let what): "it has \(what)"
        case .exhausted: "it takes too many steps or makes too much text"
        }
    }
}

/// A fault and where it is.
struct TemplateFailure: Error {
    /// Counted from 1.
    let line: Int
    let fault: TemplateFault
}
