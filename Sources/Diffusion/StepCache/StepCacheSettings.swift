/// How results of one denoising step are used again in the next ones.
package struct StepCacheSettings: Sendable, Equatable, Codable {
    /// What is used again, and when.
    package enum Method: Sendable, Equatable, Codable {
        /// The change that all blocks make, while the timestep's embedding changes little.
        case teaCache(TeaCacheSettings)
        /// The change that the middle blocks make, while the first blocks' changes little.
        case dualBlock(DualBlockSettings)
    }

    package var method: Method
    /// The relative error of a prediction from which on nothing more is used again; nil audits nothing.
    package var maxError: Double?

    /// - Parameters:
    ///   - method: what is used again, and when
    ///   - maxError: the relative error of a prediction from which on nothing more is used again
    package init(_ method: Method, maxError: Double? = nil) { (self.method, self.maxError) = (method, maxError) }
}
