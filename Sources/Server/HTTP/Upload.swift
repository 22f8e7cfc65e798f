internal import Diffusion
internal import Files
internal import Media

/// A file that a client sent.
package struct Upload: Sendable, Equatable {
    /// What the client calls it; it never names a file here.
    package let name: String
    package let bytes: [UInt8]

    /// An image in a text: base64, or a URL that holds its data.
    ///
    /// - Parameters:
    ///   - text: what the client sent
    ///   - field: the field, for messages
    /// - Throws: ``APIError``; a URL of another machine is one that may not be fetched
    package init(text: String, field: String) throws(APIError) {
        let characters = Array(text.utf8)
        // Looking for something in a long text of characters is slow.
        let start = String(decoding: characters.prefix(12), as: UTF8.self)
        let base64: Base64Text
        if let url = DataURL(characters) {
            guard let content = url.base64 else {
                throw .invalid("\(field) is a data URL without base64", param: field)
            }
            base64 = content
        } else if start.contains("://") || start.lowercased().hasPrefix("file:") {
            throw .invalid(
                "\(field) is a URL that this server does not fetch: send the image itself or a data URL",
                param: field, code: "url_not_allowed")
        } else {
            base64 = Base64Text(characters[...])
        }
        guard let bytes = base64.bytes, !bytes.isEmpty else { throw .invalid("\(field) is no base64", param: field) }
        (name, self.bytes) = (field, bytes)
    }

    init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

    /// Makes sure that it holds an image, which is not kept, and finds out its size.
    ///
    /// - Parameters:
    ///   - field: the field, for messages
    ///   - pixelLimit: the most pixels that are decoded
    ///   - share: the memory that it takes meanwhile
    /// - Returns: the image's size
    /// - Throws: ``APIError``, `CancellationError`
    @discardableResult
    func check(field: String, pixelLimit: Int, _ share: RequestMemory.Share) throws -> OutputSize {
        try Task.checkCancellation()
        let size = pixelBytes(pixelLimit)
        try share.grow(by: size)
        defer { share.shrink(by: size) }
        let pixels = try image(field: field, pixelLimit: pixelLimit).pixels
        return OutputSize(height: pixels.height, width: pixels.width)
    }

    /// The memory that decoding takes: the pixels, and once more what they are made of; none for what is not decoded.
    ///
    /// - Parameter pixelLimit: the most pixels that are decoded
    /// - Returns: bytes
    func pixelBytes(_ pixelLimit: Int) -> Int {
        guard let size = try? Image.size(of: bytes), size.width * size.height <= pixelLimit else { return 0 }
        return 2 * 3 * size.width * size.height
    }

    /// The image that it holds, which is not decoded yet: its name and size.
    ///
    /// - Parameter field: the field, for messages
    /// - Returns: the image, without its bytes
    func outline(field: String) throws(APIError) -> RequestImage {
        do {
            let size = try Image.size(of: bytes)
            return RequestImage(outlineOf: name, OutputSize(height: size.height, width: size.width))
        } catch {
            throw Self.unusable(field, error)
        }
    }

    /// The image that it holds.
    ///
    /// - Parameters:
    ///   - field: the field, for messages
    ///   - pixelLimit: the most pixels that are decoded
    /// - Returns: the image
    func image(field: String, pixelLimit: Int) throws(APIError) -> RequestImage {
        do {
            let image = try Image(decoding: bytes, pixelLimit: pixelLimit)
            return RequestImage(
                name: name,
                pixels: PixelBatch(count: 1, height: image.height, width: image.width, bytes: image.pixels))
        } catch {
            throw Self.unusable(field, error)
        }
    }

    private static func unusable(_ field: String, _ error: MediaError) -> APIError {
        .invalid("\(field) cannot be used: \(error)", param: field, code: "invalid_image")
    }
}
