internal import Diffusion
internal import Files
internal import Foundation

/// A request with its images as bytes: the length of its text in eight bytes, the text in JSON, the pixels.
struct RequestBytes {
    let bytes: [UInt8]

    /// An image without its pixels.
    private struct Outline: Codable {
        let name: String
        let shape: PixelShape
    }

    private struct Text: Codable {
        var request: GenerationRequest
        let images: [Outline]
        let lastImage: Outline?
    }

    /// - Parameter request: with the pixels of its images
    init(_ request: GenerationRequest) throws {
        var rest = request
        (rest.images, rest.lastImage) = ([], nil)
        func outline(_ image: RequestImage) -> Outline { Outline(name: image.name, shape: image.pixels.shape) }
        let text = try Text(
            request: rest, images: request.images.map(outline), lastImage: request.lastImage.map(outline)
        ).messageBody()
        let length = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> ($0 * 8)) }
        let images = request.images + [request.lastImage].compactMap(\.self)
        bytes = length + text + images.flatMap(\.pixels.bytes)
    }

    /// - Parameter bytes: what ``init(_:)`` made
    init(bytes: [UInt8]) { self.bytes = bytes }

    /// The request.
    ///
    /// - Throws: ``Failure`` where the bytes are anything else
    func request() throws -> GenerationRequest {
        let garbled = Failure(.bug, "a request on its way to another rank was garbled")
        guard bytes.count >= 8 else { throw garbled }
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length >= 0, length <= bytes.count - 8 else { throw garbled }
        let text = try Text(messageBody: Array(bytes[8..<8 + length]))
        var pixels = bytes[(8 + length)...]
        func image(_ outline: Outline) throws -> RequestImage {
            guard outline.shape.byteCount <= pixels.count else { throw garbled }
            let own = pixels.prefix(outline.shape.byteCount)
            pixels = pixels.dropFirst(own.count)
            return RequestImage(name: outline.name, pixels: PixelBatch(outline.shape, bytes: Array(own)))
        }
        var whole = text.request
        whole.images = try text.images.map(image)
        whole.lastImage = try text.lastImage.map(image)
        return whole
    }
}
