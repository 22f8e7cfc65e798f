/// A part of a request during which the same weights are needed.
package struct MemoryStage: Sendable, Equatable, Codable {
    /// The components whose weights it uses.
    package let components: [String]
    /// What it holds at once besides weights, in bytes.
    package let activations: MemorySize
    /// What its captured graphs hold from then on, at most, in bytes.
    package let graphs: MemorySize

    /// - Parameters:
    ///   - components: the components whose weights it uses
    ///   - activations: what it holds at once besides weights, in bytes
    ///   - graphs: what its captured graphs hold from then on, at most, in bytes
    package init(_ components: [String], activations: MemorySize, graphs: MemorySize = 0) {
        (self.components, self.activations, self.graphs) = (components, activations, graphs)
    }
}
