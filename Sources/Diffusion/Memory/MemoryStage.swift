/// A part of a request during which the same weights are needed.
package struct MemoryStage: Sendable, Equatable, Codable {
    /// The components whose weights it uses.
    package let components: [String]
    /// What it holds at once besides weights, in bytes.
    package let activations: MemorySize

    /// - Parameters:
    ///   - components: the components whose weights it uses
    ///   - activations: what it holds at once besides weights, in bytes
    package init(_ components: [String], activations: MemorySize) {
        (self.components, self.activations) = (components, activations)
    }
}
