package import Diffusion
package import Messaging

/// A request on its way to a worker's process: the pixels of its pictures travel beside it, in shared memory.
package struct RequestParcel: Codable {
    /// A picture without its pixels.
    private struct Outline: Codable {
        let name: String
        let shape: PixelShape

        init(_ picture: InputPicture) { (name, shape) = (picture.name, picture.pixels.shape) }
    }

    private let request: GenerationRequest
    private let images: [Outline]
    private let lastImage: Outline?

    /// Puts the pictures' pixels into a buffer, if there are any.
    ///
    /// - Parameters:
    ///   - request: what the worker is to make
    ///   - buffer: the memory that both processes have
    /// - Throws: `MessagingError`, as when there is no memory left
    package init(_ request: GenerationRequest, into buffer: SharedBuffer) throws(MessagingError) {
        let pictures = request.images + [request.lastImage].compactMap(\.self)
        if !pictures.isEmpty {
            try buffer.clear(to: pictures.map(\.pixels.bytes.count).reduce(0, +))
            var offset = 0
            for picture in pictures {
                try buffer.write(picture.pixels.bytes[...], at: offset)
                offset += picture.pixels.bytes.count
            }
        }
        (images, lastImage) = (request.images.map(Outline.init), request.lastImage.map(Outline.init))
        var rest = request
        (rest.images, rest.lastImage) = ([], nil)
        self.request = rest
    }

    /// The request, with the pictures' pixels out of a buffer, which is empty then.
    ///
    /// - Parameter buffer: the memory that both processes have
    /// - Returns: the request as it was
    /// - Throws: `MessagingError` where the buffer holds anything else
    package func unpacked(from buffer: SharedBuffer) throws(MessagingError) -> GenerationRequest {
        let outlines = images + [lastImage].compactMap(\.self)
        if outlines.isEmpty { return request }
        var pixels = try buffer.take(outlines.map(\.shape.byteCount).reduce(0, +))[...]
        func picture(_ outline: Outline) -> InputPicture {
            let bytes = pixels.prefix(outline.shape.byteCount)
            pixels = pixels.dropFirst(bytes.count)
            return InputPicture(name: outline.name, pixels: PixelBatch(outline.shape, bytes: Array(bytes)))
        }
        var whole = request
        whole.images = images.map(picture)
        whole.lastImage = lastImage.map(picture)
        return whole
    }
}
