package import Diffusion
package import Messaging

/// A part of an output on its way out of a worker's process: its numbers travel beside it, in shared memory.
package struct PartParcel: Codable {
    private enum Outline: Codable {
        case sound(SoundShape)
        case pixels(PixelShape, firstFrame: Int, frameCount: Int)
    }

    private let outline: Outline
    /// Where its bytes begin.
    private let offset: Int
    private let byteCount: Int

    /// Adds a part's numbers to a buffer.
    ///
    /// - Parameters:
    ///   - part: the part
    ///   - buffer: the memory that both processes have
    /// - Throws: `MessagingError`, as when there is no memory left
    package init(_ part: OutputPart, into buffer: SharedBuffer) throws(MessagingError) {
        let bytes: [UInt8]
        switch part {
        case .sound(let sound):
            outline = .sound(sound.shape)
            bytes = sound.samples.withUnsafeBytes { Array($0) }
        case .pixels(let pixels):
            outline = .pixels(pixels.shape, firstFrame: pixels.firstFrame, frameCount: pixels.frameCount)
            bytes = pixels.bytes
        }
        (offset, byteCount) = (try buffer.append(bytes), bytes.count)
    }

    /// The part, whose memory in the buffer is given back.
    ///
    /// - Parameter buffer: the memory that both processes have
    /// - Returns: the part as it was
    /// - Throws: `MessagingError` where the buffer has less
    package func unpacked(from buffer: SharedBuffer) throws(MessagingError) -> OutputPart {
        let bytes = try buffer.take(byteCount, at: offset)
        return switch outline {
        case .sound(let shape):
            .sound(SoundPart(shape, samples: bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }))
        case .pixels(let shape, let first, let count):
            .pixels(PixelPart(shape, frames: first, count: count, bytes: bytes))
        }
    }
}
