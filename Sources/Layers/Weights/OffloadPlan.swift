/// Which weights may wait in the host's memory while a GPU has no room for them.
package struct OffloadPlan: Sendable, Equatable, Codable {
    /// Whether that memory is pinned, so that the GPU reads it by itself.
    package var isPinned = true
    /// The components whose weights may wait; nil for all.
    package var components: [String]?

    package init() {}

    /// Whether a component's weights may wait.
    ///
    /// - Parameter component: its name
    package func includes(_ component: String) -> Bool { components?.contains(component) ?? true }
}
