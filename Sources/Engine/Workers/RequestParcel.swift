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

    /// - Parameter request: what is to be made; of its images this keeps all but the pixels
    init(_ request: GenerationRequest) {
        (images, lastImage) = (request.images.map(Outline.init), request.lastImage.map(Outline.init))
        var rest = request
        (rest.images, rest.lastImage) = ([], nil)
        self.request = rest
    }

    /// Puts the images' pixels into a buffer, if there are any.
    ///
    /// - Parameters:
    ///   - request: what the worker is to make
    ///   - buffer: the memory that both processes have
    /// - Throws: `MessagingError`, as when there is no memory left
    package init(_ request: GenerationRequest, into buffer: SharedBuffer) throws(MessagingError) {
        let inputs = request.pictures
        if !inputs.isEmpty {
            try buffer.clear(to: inputs.map(\.pixels.bytes.count).reduce(0, +))
            var offset = 0
            for image in inputs {
                try buffer.write(image.pixels.bytes[...], at: offset)
                offset += image.pixels.bytes.count
            }
        }
        self.init(request)
    }

    /// How many bytes the pixels of all images have; nil for no image.
    var pixelCount: Int? {
        let outlines = images + [lastImage].compactMap(\.self)
        return outlines.isEmpty ? nil : outlines.map(\.shape.byteCount).reduce(0, +)
    }

    /// The request, with the images' pixels out of a buffer, which is empty then.
    ///
    /// - Parameter buffer: the memory that both processes have
    /// - Returns: the request as it was
    /// - Throws: `MessagingError` where the buffer holds anything else
    package func unpacked(from buffer: SharedBuffer) throws(MessagingError) -> GenerationRequest {
        guard let pixelCount else { return request }
        return unpacked(try buffer.take(pixelCount)[...])
    }

    /// The request with its images' pixels.
    ///
    /// - Parameter pixels: ``pixelCount`` bytes, one image after the other
    /// - Returns: the request as it was
    func unpacked(_ pixels: ArraySlice<UInt8>) -> GenerationRequest {
        var pixels = pixels
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

extension GenerationRequest {
    /// All images, in the order in which their pixels travel.
    var pictures: [RequestImage] { images + [lastImage].compactMap(\.self) }
}
