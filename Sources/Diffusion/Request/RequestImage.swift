/// An image that a request brings along.
package struct RequestImage: Sendable, Equatable, Codable {
    /// What the user calls it: a path, or the name of a part of an upload.
    package let name: String
    /// The image, a batch of one.
    package let pixels: PixelBatch

    /// - Parameters:
    ///   - name: what the user calls it
    ///   - pixels: a batch of one
    package init(name: String, pixels: PixelBatch) { (self.name, self.pixels) = (name, pixels) }
}
