internal import Files

/// An image as a file holds it.
package struct EncodedImage: Sendable {
    private let bytes: [UInt8]

    /// - Parameters:
    ///   - image: the image
    ///   - encoding: format and settings
    /// - Throws: `MediaError`
    package init(_ image: Image, as encoding: ImageEncoding) throws(MediaError) { bytes = try image.encoded(encoding) }

    /// Writes the file, all or nothing.
    ///
    /// A file of this name is replaced in one step. On an error it stays as it was, and nothing new is left behind.
    ///
    /// - Parameter path: the file to be written; its folder must exist
    /// - Throws: ``MediaError/cannotWrite(path:reason:)``
    package func write(to path: String) throws(MediaError) {
        do {
            try AtomicFile.write(bytes, to: path)
        } catch {
            throw .cannotWrite(path: error.path, reason: error.fault.reason)
        }
    }
}
