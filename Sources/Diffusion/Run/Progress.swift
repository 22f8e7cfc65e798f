/// Where a generation is.
package enum Progress: Sendable, Equatable, Codable {
    /// A component's weights are being read.
    case loading(String)
    /// The prompts are being encoded.
    case encodingText
    /// So many denoising steps of so many are done.
    case denoising(step: Int, of: Int)
    /// What the images would be if the last step were the end; only where the request asks for previews.
    case preview(PixelBatch)
    /// Latents are becoming pixels.
    case decoding
}

/// Told of every change of ``Progress``.
package typealias ProgressObserver = @Sendable (Progress) -> Void
