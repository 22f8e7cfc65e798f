package import Files

/// A field of a request that cannot be served as it is.
package enum RequestError: BlamedError, Equatable, Codable {
    /// The field's name, what was given, and what it must be.
    case value(String, found: String, expected: String)
    /// A field that this model has no use for, the ones it knows, and the one that may have been meant.
    case notForModel(String, model: String, known: [String], nearest: String?)
    /// Two counts that must agree.
    case count(String, found: Int, expected: [Int])
    /// A request that needs more memory than there is, in bytes.
    case memory(needed: Int, available: Int)
    /// A field without which nothing can be made.
    case missing(String)
}

extension RequestError: CustomStringConvertible {
    package var blame: Blame { .request }

    package var description: String {
        switch self {
        case .value(let field, let found, let expected):
            "\(field) is \(found.cut(toBytes: 240)); it must be \(expected)"
        case .notForModel(let field, let model, let known, let nearest):
            "\(model) has no parameter \(field.cut(toBytes: 120))" + (nearest.map { " (did you mean \($0)?)" } ?? "")
                + (known.isEmpty ? "" : "; it has \(known.list())")
        case .count(let field, let found, let expected):
            "\(found) values were given for \(field); "
                + "\(expected.map(String.init).joined(separator: " or ")) \(expected == [1] ? "is" : "are") needed"
        case .memory(let needed, let available):
            "the request needs about \(Self.megabytes(needed, rounding: .up)) of memory; "
                + "there are \(Self.megabytes(available, rounding: .down))"
        case .missing(let field): "\(field) is needed"
        }
    }

    private static func megabytes(_ bytes: Int, rounding rule: FloatingPointRoundingRule) -> String {
        "\(Int((Double(bytes) / 1e6).rounded(rule))) MB"
    }
}
