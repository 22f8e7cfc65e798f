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

    /// The size that a resolved request asks for.
    ///
    /// - Parameter request: the request
    package init(_ request: GenerationRequest) {
        self.init(height: request.height ?? 0, width: request.width ?? 0, frames: request.numFrames)
    }
}
