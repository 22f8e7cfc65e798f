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

    /// What one of several requests of a batch is given, each of which has equally many images or videos.
    ///
    /// - Parameters:
    ///   - index: which request
    ///   - count: how many requests there are
    /// - Returns: its share
    package func share(_ index: Int, of count: Int) -> PixelBatch {
        if count == 1 { return self }
        let size = bytes.count / count
        return PixelBatch(shape.share(of: count), bytes: Array(bytes[index * size..<(index + 1) * size]))
    }
}
