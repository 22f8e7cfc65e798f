/// What a key may be used for.
package enum Scope: String, CaseIterable, Sendable {
    /// Making images, and reading them.
    case images
    /// Making videos, and reading them.
    case videos
    /// Reading the server's figures.
    case metrics
}
