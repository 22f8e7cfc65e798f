internal import Diffusion
internal import Tensors

/// An image that the denoiser sees, in the size in which it enters the autoencoder.
struct ImageReference {
    private let image: PixelBatch
    private let whole: OutputSize
    /// The middle part that is kept.
    let kept: OutputSize

    /// - Parameters:
    ///   - image: as the request has it
    ///   - whole: what the whole image becomes
    ///   - kept: the middle part that is kept; nil for all
    init(_ image: RequestImage, resizedTo whole: OutputSize, keeping kept: OutputSize? = nil) {
        (self.image, self.whole, self.kept) = (image.pixels, whole, kept ?? whole)
    }

    /// From -1 to 1, `[1, 3, height, width]`.
    func pixels(on device: Device) throws(TensorError) -> Tensor {
        let pixels = image.resized(
            width: whole.width, height: whole.height, filter: .lanczos, croppedTo: kept.height, kept.width)
        return try Tensor(image: pixels, on: device)
    }
}
