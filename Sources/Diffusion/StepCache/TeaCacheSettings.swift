/// When TeaCache leaves a step out.
package struct TeaCacheSettings: Sendable, Equatable, Codable {
    /// The accumulated change from which on a step is computed.
    package var threshold = 0.2
    /// What the change is taken of, and which steps are always computed.
    package var variant = TeaCacheVariant.standard
    /// The polynomial that scales the change, highest power first; nil is the model's own.
    package var coefficients: [Double]?
    /// The polynomial of the second transformer.
    package var coefficients2: [Double]?

    package init() {}
}

/// TeaCache's two ways, each with coefficients of its own.
package enum TeaCacheVariant: String, Sendable, Codable {
    /// The first and the last step are computed.
    case standard
    /// The first five steps are computed (`use_ret_steps`).
    case retainedSteps
}
