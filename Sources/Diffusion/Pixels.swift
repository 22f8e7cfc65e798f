package import Tensors

/// Finished pictures in host memory.
package struct PixelBatch: Sendable, Equatable {
    package let count, height, width: Int
    /// Red, green and blue of every pixel, rows from the top, picture after picture.
    package let bytes: [UInt8]

    /// - Parameters:
    ///   - count: how many pictures
    ///   - height: of each, in pixels
    ///   - width: of each, in pixels
    ///   - bytes: `count · height · width · 3` of them
    package init(count: Int, height: Int, width: Int, bytes: [UInt8]) {
        (self.count, self.height, self.width, self.bytes) = (count, height, width, bytes)
    }

    /// Turns a VAE's output into bytes: -1 becomes 0, 1 becomes 255, rounded.
    ///
    /// - Parameter decoded: `[batch, 3, height, width]`
    /// - Throws: ``TensorError``
    package init(_ decoded: Tensor) throws(TensorError) {
        let unit = try (decoded.to(.float32) * 0.5 + 0.5).clamped(0, 1)
        (count, height, width) = (decoded.size(0), decoded.size(2), decoded.size(3))
        bytes = try round(unit * 255).permuted(0, 2, 3, 1).bytes()
    }

    /// One picture's bytes.
    ///
    /// - Parameter index: which picture
    /// - Returns: `height · width · 3` bytes
    package func picture(_ index: Int) -> [UInt8] {
        let size = height * width * 3
        return Array(bytes[index * size..<(index + 1) * size])
    }
}
