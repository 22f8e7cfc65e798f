/// How often which kernels ran, by their names.
package struct KernelCounts: Sendable, Equatable, Codable {
    /// Calls of the transformers' attention: `tiled`, `hopper`, `sdpa`, `cudnn`, `flash`, `efficient`, `math`, `sage-int8`, `sage-fp8`,
    /// `qk16pv8`.
    package var attention: [String: Int] = [:]

    package init() {}

    /// Adds what ran besides.
    ///
    /// - Parameter other: how often
    package mutating func add(_ other: KernelCounts) { attention.merge(other.attention, uniquingKeysWith: +) }
}
