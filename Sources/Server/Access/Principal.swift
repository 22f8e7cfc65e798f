internal import HTTPTypes

/// Who asks.
package struct Principal: Sendable, Equatable {
    /// Whose jobs and files these are; the key's name.
    package let owner: String
    package let scopes: Set<Scope>
    /// The highest priority that requests may ask for.
    package let highestPriority: Priority

    /// - Parameters:
    ///   - owner: the key's name
    ///   - scopes: what the key may be used for
    ///   - highestPriority: the highest priority that requests may ask for
    package init(owner: String, scopes: Set<Scope>, highestPriority: Priority = .high) {
        (self.owner, self.scopes, self.highestPriority) = (owner, scopes, highestPriority)
    }

    /// Whoever reaches a server without keys.
    package static let anyone = Principal(owner: "", scopes: Set(Scope.allCases))

    /// Refuses what the key may not do.
    ///
    /// - Parameter scope: what is wanted
    package func require(_ scope: Scope) throws(APIError) {
        guard scopes.contains(scope) else {
            throw APIError(
                .forbidden, "permission_error", code: "missing_scope", "this key lacks the scope \(scope.rawValue)")
        }
    }
}
