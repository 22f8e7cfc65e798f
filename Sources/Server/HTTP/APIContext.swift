internal import Foundation
package import Hummingbird

/// What the routes know of a request besides what it says.
package struct APIContext: RequestContext {
    package var coreContext: CoreRequestContextStorage
    /// The request's name in logs and in `x-request-id`.
    package let requestID = Identifier.new("req")
    /// Who asks.
    package var principal = Principal.anyone

    package init(source: ApplicationRequestContextSource) { coreContext = CoreRequestContextStorage(source: source) }
}

/// Names of things that the server makes.
enum Identifier {
    /// A name that nobody guesses.
    ///
    /// - Parameter kind: how it begins
    /// - Returns: the kind, `_`, and 128 random bits
    static func new(_ kind: String) -> String {
        let bits = (0..<2).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 16) }
        return "\(kind)_\(bits.map { String(repeating: "0", count: 16 - $0.count) + $0 }.joined())"
    }
}
