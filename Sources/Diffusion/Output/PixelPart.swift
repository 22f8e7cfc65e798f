package import Tensors

/// Some finished frames of every video of a batch, or its images, in host memory.
package struct PixelPart: Sendable {
    /// The whole that it belongs to.
    package let shape: PixelShape
    /// Where its frames begin in each video; 0 for images.
    package let firstFrame: Int
    /// How many frames it has of each video; 1 for images.
    package let frameCount: Int
    /// Red, green and blue of every pixel, rows from the top, `[count, frameCount, height, width, 3]`.
    package let bytes: [UInt8]

    /// Turns a VAE's images into bytes: -1 becomes 0, 1 becomes 255, rounded.
    ///
    /// - Parameter decoded: `[batch, 3, height, width]`
    /// - Throws: ``NonFiniteOutput`` or ``TensorError``
    package init(images decoded: Tensor) throws {
        shape = PixelShape(count: decoded.size(0), height: decoded.size(2), width: decoded.size(3))
        (firstFrame, frameCount) = (0, 1)
        bytes = try decoded.levels().permuted(0, 2, 3, 1).bytes()
    }

    /// Turns a VAE's frames into bytes: -1 becomes 0, 1 becomes 255, rounded.
    ///
    /// - Parameters:
    ///   - decoded: `[batch, 3, frames, height, width]`
    ///   - first: where they begin in each video
    ///   - count: how many frames each whole video has
    /// - Throws: ``NonFiniteOutput`` or ``TensorError``
    package init(frames decoded: Tensor, from first: Int, of count: Int) throws {
        shape = PixelShape(count: decoded.size(0), frames: count, height: decoded.size(3), width: decoded.size(4))
        (firstFrame, frameCount) = (first, decoded.size(2))
        bytes = try decoded.levels().permuted(0, 2, 3, 4, 1).bytes()
    }

    /// A part whose bytes are known.
    ///
    /// - Parameters:
    ///   - shape: of the whole
    ///   - first: where its frames begin in each video; 0 for images
    ///   - count: how many frames it has of each video; 1 for images
    ///   - bytes: `[shape.count, count, height, width, 3]`
    package init(_ shape: PixelShape, frames first: Int = 0, count: Int = 1, bytes: [UInt8]) {
        (self.shape, firstFrame, frameCount, self.bytes) = (shape, first, count, bytes)
    }

    /// Where the part of one image or video lies.
    ///
    /// - Parameter item: which one
    /// - Returns: its range in ``bytes``, and where that begins in the bytes of the whole
    package func piece(_ item: Int) -> (range: Range<Int>, offset: Int) {
        let size = frameCount * shape.frameBytes
        return (item * size..<(item + 1) * size, item * shape.itemBytes + firstFrame * shape.frameBytes)
    }
}

extension PixelPart {
    /// One frame, or one image.
    ///
    /// - Parameters:
    ///   - item: of which video, or which image
    ///   - frame: counted from the part's first
    /// - Returns: its bytes, `[height, width, 3]`
    package func frame(_ item: Int, _ frame: Int = 0) -> [UInt8] {
        let start = (item * frameCount + frame) * shape.frameBytes
        return Array(bytes[start..<start + shape.frameBytes])
    }

    /// What one of several requests of a batch is given, each of which has equally many images or videos.
    ///
    /// - Parameters:
    ///   - index: which request
    ///   - count: how many requests there are
    /// - Returns: its share
    package func share(_ index: Int, of count: Int) -> PixelPart {
        if count == 1 { return self }
        let size = bytes.count / count
        return PixelPart(
            shape.share(of: count), frames: firstFrame, count: frameCount,
            bytes: Array(bytes[index * size..<(index + 1) * size]))
    }
}

extension Tensor {
    /// Each number between -1 and 1 as one of 256 levels.
    fileprivate func levels() throws -> Tensor {
        try requireFinite(.decoded)
        return try round((to(.float32) * 0.5 + 0.5).clamped(0, 1) * 255)
    }
}
