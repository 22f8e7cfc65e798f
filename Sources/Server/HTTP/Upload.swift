internal import Diffusion
internal import Files
internal import Foundation
internal import Media

/// A file that a client sent.
package struct Upload: Sendable, Equatable {
    /// What the client calls it; it never names a file here.
    package let name: String
    package let bytes: [UInt8]

    /// A picture in a text: base64, or a URL that holds its data.
    ///
    /// - Parameters:
    ///   - text: what the client sent
    ///   - field: the field, for messages
    /// - Throws: ``APIError``; a URL of another machine is one that may not be fetched
    init(text: String, field: String) throws(APIError) {
        var base64 = text[...]
        if text.hasPrefix("data:") {
            guard let comma = text.firstIndex(of: ","), text[..<comma].hasSuffix(";base64") else {
                throw .invalid("\(field) is a data URL without base64", param: field)
            }
            base64 = text[text.index(after: comma)...]
        } else if text.prefix(12).contains("://") || text.lowercased().hasPrefix("file:") {
            throw .invalid(
                "\(field) is a URL that this server does not fetch: send the picture itself or a data URL",
                param: field, code: "url_not_allowed")
        }
        guard !base64.isEmpty, let data = Data(base64Encoded: String(base64)) else {
            throw .invalid("\(field) is no base64", param: field)
        }
        (name, bytes) = (field, [UInt8](data))
    }

    init(name: String, bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }

    /// The picture that it holds.
    ///
    /// - Parameters:
    ///   - field: the field, for messages
    ///   - pixelLimit: the most pixels that are decoded
    /// - Returns: the picture
    /// - Throws: ``APIError``
    func picture(field: String, pixelLimit: Int) throws(APIError) -> InputPicture {
        do {
            let image = try Image(decoding: bytes, pixelLimit: pixelLimit)
            return InputPicture(
                name: name,
                pixels: PixelBatch(count: 1, height: image.height, width: image.width, bytes: image.pixels))
        } catch {
            throw .invalid("\(field) cannot be used: \(error)", param: field, code: "invalid_image")
        }
    }
}
