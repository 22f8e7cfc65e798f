/// One attention of a model, stated when the block is read: what a kernel is chosen by.
package struct AttentionSite: Sendable, Hashable {
    /// Who attends to whom.
    package enum Role: String, Sendable, Codable {
        /// A sequence to itself.
        case selfAttention
        /// A sequence to another one, as image tokens to a prompt.
        case cross
        /// Text and image tokens to all of both, in one sequence, text first.
        case joint
        /// One stream of a transformer's tokens to another, as a video to its sound.
        case betweenStreams
    }

    /// The module's path in the checkpoint, as `transformer_blocks.3.attn`.
    package let name: String
    /// Of which component.
    package let component: ComponentRole
    package let role: Role
    /// Of the queries.
    package let heads: Int
    /// Of keys and values: as many as the queries have, or a divisor of that (grouped-query attention).
    package let keyValueHeads: Int
    /// Numbers of a head.
    package let headWidth: Int
    /// The factor of the scores.
    package let scale: Double

    /// The number of its layer: the first in its path, or 0.
    package var layer: Int { name.split(separator: ".").lazy.compactMap { Int($0) }.first ?? 0 }

    /// Whether it is of tokens that several devices share.
    ///
    /// Attention to a prompt is not: every device has the prompt whole.
    var isShared: Bool { component == .transformer && role != .cross }
}
