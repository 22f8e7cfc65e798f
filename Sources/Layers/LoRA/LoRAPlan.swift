/// A LoRA file that is merged into a model's weights as they are read.
package struct LoRAPlan: Sendable, Equatable, Codable {
    /// The file, or a folder with one.
    package let path: String
    /// How strongly it acts, on top of its own scaling.
    package var scale = 1.0
    /// The components that it is for; empty for all that take a LoRA unasked.
    package var components: [String] = []
    /// Beginnings of the names of its modules that are cut off, the first that fits.
    package var strippedPrefixes: [String] = []
    /// Names of its modules, or the beginnings of names up to a dot, and what stands for them.
    package var keyMap: [String: String] = [:]
    /// Whether a tensor that no part of the model takes is an error.
    package var isStrict = true

    /// - Parameter path: the file, or a folder with one
    package init(_ path: String) { self.path = path }
}
