package import Files

/// Everything that is wrong with one request.
package struct InvalidRequest: BlamedError, Equatable, Codable {
    /// At least one, in the order of the checks.
    package let problems: [RequestError]

    /// - Parameter problems: at least one
    package init(_ problems: [RequestError]) {
        precondition(!problems.isEmpty, "a request without problems is not invalid")
        self.problems = problems
    }
}

extension InvalidRequest: CustomStringConvertible {
    package var blame: Blame { .request }

    package var description: String { problems.lazy.map(\.description).list(separator: "; ") }
}
