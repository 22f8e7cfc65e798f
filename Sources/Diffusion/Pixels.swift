package import Tensors

/// The size of finished images or videos.
package struct PixelShape: Sendable, Equatable, Codable {
    /// How many images or videos.
    package let count: Int
    /// Of each video; nil for images.
    package let frames: Int?
    /// In pixels.
    package let height, width: Int

    /// - Parameters:
    ///   - count: how many images or videos
    ///   - frames: of each video; nil for images
    ///   - height: in pixels
    ///   - width: in pixels
    package init(count: Int, frames: Int? = nil, height: Int, width: Int) {
        (self.count, self.frames, self.height, self.width) = (count, frames, height, width)
    }

    /// The bytes of one frame or image.
    package var frameBytes: Int { height * width * 3 }
    /// The bytes of one image or video.
    package var itemBytes: Int { (frames ?? 1) * frameBytes }
    /// All bytes.
    package var byteCount: Int { count * itemBytes }
}

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

    /// Where the part of one image or video lies.
    ///
    /// - Parameter item: which one
    /// - Returns: its range in ``bytes``, and where that begins in the bytes of the whole
    package func piece(_ item: Int) -> (range: Range<Int>, offset: Int) {
        let size = frameCount * shape.frameBytes
        return (item * size..<(item + 1) * size, item * shape.itemBytes + firstFrame * shape.frameBytes)
    }
}

/// Given every part of what a pipeline makes, in the order of the frames, as soon as it is decoded.
package typealias PixelReceiver = @Sendable (PixelPart) throws -> Void

/// Finished images or videos in host memory.
package struct PixelBatch: Sendable, Equatable {
    package let shape: PixelShape
    /// Red, green and blue of every pixel, `[count, frames, height, width, 3]`, rows from the top.
    package private(set) var bytes: [UInt8]

    /// - Parameters:
    ///   - shape: its size
    ///   - bytes: as many as the shape has
    package init(_ shape: PixelShape, bytes: [UInt8]) { (self.shape, self.bytes) = (shape, bytes) }

    /// A batch of images.
    ///
    /// - Parameters:
    ///   - count: how many images
    ///   - height: of each, in pixels
    ///   - width: of each, in pixels
    ///   - bytes: `count · height · width · 3` of them
    package init(count: Int, height: Int, width: Int, bytes: [UInt8]) {
        self.init(PixelShape(count: count, height: height, width: width), bytes: bytes)
    }

    /// A batch of which one part is known.
    ///
    /// - Parameter part: the part
    package init(_ part: PixelPart) {
        shape = part.shape
        bytes = []
        if part.bytes.count == shape.byteCount {
            bytes = part.bytes
        } else {
            bytes = [UInt8](repeating: 0, count: shape.byteCount)
            add(part)
        }
    }

    /// How many images or videos.
    package var count: Int { shape.count }
    /// In pixels.
    package var height: Int { shape.height }
    /// In pixels.
    package var width: Int { shape.width }

    /// Fills in a part.
    ///
    /// - Parameter part: a part of a whole of this shape
    package mutating func add(_ part: PixelPart) {
        for item in 0..<shape.count {
            let (range, offset) = part.piece(item)
            bytes.replaceSubrange(offset..<offset + range.count, with: part.bytes[range])
        }
    }

    /// One image's or video's bytes.
    ///
    /// - Parameter index: which one
    /// - Returns: `frames · height · width · 3` bytes
    package func item(_ index: Int) -> [UInt8] { Array(bytes[index * shape.itemBytes..<(index + 1) * shape.itemBytes]) }
}

extension Tensor {
    /// Each number between -1 and 1 as one of 256 levels.
    fileprivate func levels() throws -> Tensor {
        try requireFinite(.decoded)
        return try round((to(.float32) * 0.5 + 0.5).clamped(0, 1) * 255)
    }
}
