package import Diffusion
package import Messaging

/// A request on its way to a worker's process: the pixels of its images travel beside it, in shared memory.
package struct RequestParcel: Codable {
    /// An image without its pixels.
    private struct Outline: Codable {
        let name: String
        let shape: PixelShape

        init(_ image: RequestImage) { (name, shape) = (image.name, image.pixels.shape) }
    }

    private let request: GenerationRequest
    private let images: [Outline]
    private let lastImage: Outline?

    /// Puts the images' pixels into a buffer, if there are any.
    ///
    /// - Parameters:
    ///   - request: what the worker is to make
    ///   - buffer: the memory that both processes have
    /// - Throws: `MessagingError`, as when there is no memory left
    package init(_ request: GenerationRequest, into buffer: SharedBuffer) throws(MessagingError) {
        let inputs = request.images + [request.lastImage].compactMap(\.self)
        if !inputs.isEmpty {
            try buffer.clear(to: inputs.map(\.pixels.bytes.count).reduce(0, +))
            var offset = 0
            for image in inputs {
                try buffer.write(image.pixels.bytes[...], at: offset)
                offset += image.pixels.bytes.count
            }
        }
        (images, lastImage) = (request.images.map(Outline.init), request.lastImage.map(Outline.init))
        var rest = request
        (rest.images, rest.lastImage) = ([], nil)
        self.request = rest
    }

    /// The request, with the images' pixels out of a buffer, which is empty then.
    ///
    /// - Parameter buffer: the memory that both processes have
    /// - Returns: the request as it was
    /// - Throws: `MessagingError` where the buffer holds anything else
    package func unpacked(from buffer: SharedBuffer) throws(MessagingError) -> GenerationRequest {
        let outlines = images + [lastImage].compactMap(\.self)
        if outlines.isEmpty { return request }
        var pixels = try buffer.take(outlines.map(\.shape.byteCount).reduce(0, +))[...]
        func image(_ outline: Outline) -> RequestImage {
            let bytes = pixels.prefix(outline.shape.byteCount)
            pixels = pixels.dropFirst(bytes.count)
            return RequestImage(name: outline.name, pixels: PixelBatch(outline.shape, bytes: Array(bytes)))
        }
        var whole = request
        whole.images = images.map(image)
        whole.lastImage = lastImage.map(image)
        return whole
    }
}
