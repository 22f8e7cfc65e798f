internal import Foundation

/// Where the checker of an operator's is, and how it is asked.
package struct GuardrailSettings: Sendable, Equatable {
    /// Its address: http or https, without a user.
    package let url: String
    /// How long one answer may take, in seconds.
    package var timeout = 30.0
    /// So many frames of a video it is shown, at most.
    package var frames = 8
    /// Whether a request may say that it is not to be checked.
    package var isOptional = false

    /// - Parameter url: one that ``isAddress(_:)`` takes
    package init(url: String) { self.url = url }

    /// What people are told of the address: scheme, host and port.
    ///
    /// What stands behind them may be secret.
    package var origin: String {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme, let host = parts.encodedHost else {
            return "its address"
        }
        return "\(scheme)://\(host)" + (parts.port.map { ":\($0)" } ?? "")
    }

    /// Whether a text can be the address of a checker.
    ///
    /// - Parameter text: what the operator wrote
    /// - Returns: whether it is one of http or https with a host, and without a user, a password and a fragment
    package static func isAddress(_ text: String) -> Bool {
        guard let parts = URLComponents(string: text), ["http", "https"].contains(parts.scheme?.lowercased()) else {
            return false
        }
        return parts.encodedHost?.isEmpty == false && parts.user == nil && parts.password == nil
            && parts.fragment == nil
    }
}
