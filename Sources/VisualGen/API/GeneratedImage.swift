internal import Diffusion

/// An image as it came from a model.
public struct GeneratedImage: Sendable, Equatable {
    /// In pixels.
    public let height, width: Int
    /// Red, green and blue of each pixel, rows from the top, `[height, width, 3]`.
    public let pixels: [UInt8]

    /// It, as a pipeline gives it.
    var part: OutputPart {
        .pixels(PixelPart(PixelShape(count: 1, height: height, width: width), bytes: pixels))
    }
}
