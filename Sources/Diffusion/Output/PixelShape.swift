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

    /// What one of several requests of a batch is given, each of which has equally many images or videos.
    ///
    /// - Parameter count: how many requests there are
    /// - Returns: the shape of its share
    package func share(of count: Int) -> PixelShape {
        PixelShape(count: self.count / count, frames: frames, height: height, width: width)
    }
}
