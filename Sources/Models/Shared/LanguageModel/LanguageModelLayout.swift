package import Layers

/// What a decoder-only language model is made of: what the configs of all of them come to.
package struct LanguageModelLayout: Sendable {
    /// Rows of the table of tokens.
    package let vocabSize: Int
    /// Numbers of a token's state.
    package let width: Int
    /// Numbers between the two layers of the feed-forward layer.
    package let innerWidth: Int
    package let heads: Int
    /// Heads of keys and values, a divisor of `heads`.
    package let keyValueHeads: Int
    package let headWidth: Int
    package let activation: Activation
    package let normEpsilon: Double
    /// What each layer sees, and where; as many as there are layers.
    package let layers: [Layer]
    /// The factor of the scores of attention; nil for one over the root of `headWidth`.
    package var scale: Double?
    /// Whether query, key and value have biases.
    package var hasBias = false
    /// Whether the output of attention has one.
    package var hasOutputBias = false
    /// Whether the heads of queries and keys are normed.
    package var normsHeads = false
    /// Whether attention and feed-forward layer are normed before they are added, too.
    package var normsSums = false
    /// Whether a norm's weight is what its factor has beyond one.
    package var normsAroundOne = false
    /// The factor of the table's rows.
    package var embeddingScale = 1.0

    /// One layer's attention.
    package struct Layer: Sendable {
        /// How many tokens a token sees, itself included; nil for all before it.
        package let window: Int?
        package let rotary: LanguageModelRotary

        package init(window: Int? = nil, _ rotary: LanguageModelRotary) {
            (self.window, self.rotary) = (window, rotary)
        }
    }
}
