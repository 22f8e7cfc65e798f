internal import Diffusion

/// A video as it came from a model.
public struct GeneratedVideo: Sendable, Equatable {
    /// At least 1.
    public let frameCount: Int
    /// In pixels.
    public let height, width: Int
    /// Frames a second.
    public let frameRate: Double
    /// Red, green and blue of each pixel, rows from the top, `[frameCount, height, width, 3]`.
    public let pixels: [UInt8]
    /// Nil where the model makes silent videos.
    public let sound: GeneratedSound?

    /// One frame.
    ///
    /// - Parameter index: from 0 to ``frameCount`` - 1
    /// - Returns: its image
    public func frame(_ index: Int) -> GeneratedImage {
        let size = height * width * 3
        return GeneratedImage(height: height, width: width, pixels: Array(pixels[index * size..<(index + 1) * size]))
    }

    /// Both parts of it, as a pipeline gives them.
    var parts: [OutputPart] {
        let shape = PixelShape(count: 1, frames: frameCount, height: height, width: width)
        let pixels = OutputPart.pixels(PixelPart(shape, count: frameCount, bytes: pixels))
        guard let sound else { return [pixels] }
        let size = SoundShape(
            count: 1, channels: sound.channels, samples: sound.samples.count / sound.channels, rate: sound.sampleRate)
        return [.sound(SoundPart(size, samples: sound.samples)), pixels]
    }
}

/// The sound of a video as it came from a model.
public struct GeneratedSound: Sendable, Equatable {
    /// 1, or 2 for left and right.
    public let channels: Int
    /// Samples of a channel in a second.
    public let sampleRate: Int
    /// From -1 to 1, `[channels, samples]`.
    public let samples: [Float]

    init?(_ part: SoundPart?, of item: Int) {
        guard let part else { return nil }
        let size = part.shape.itemSize
        (channels, sampleRate) = (part.shape.channels, part.shape.rate)
        samples = Array(part.samples[item * size..<(item + 1) * size])
    }
}
