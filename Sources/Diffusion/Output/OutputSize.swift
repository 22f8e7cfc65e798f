/// The size of one image or video.
package struct OutputSize: Sendable, Hashable, Codable {
    /// In pixels.
    package let height, width: Int
    /// Frames of a video; nil for an image.
    package let frames: Int?

    /// - Parameters:
    ///   - height: in pixels
    ///   - width: in pixels
    ///   - frames: frames of a video; nil for an image
    package init(height: Int, width: Int, frames: Int? = nil) {
        (self.height, self.width, self.frames) = (height, width, frames)
    }
}
