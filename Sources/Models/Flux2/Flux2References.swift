internal import Diffusion
internal import Layers
internal import Tensors

/// What the reference images of a request become.
struct Flux2References {
    /// The latents of all images, one after the other, `[1, tokens, 4 · latentChannels]` in 32-bit floats; nil for none.
    var tokens: Tensor?
    /// One for each image.
    let grids: [PatchGrid]

    /// No image.
    init() { (tokens, grids) = (nil, []) }

    /// Encodes images, one after the other.
    ///
    /// - Throws: `CancellationError` or ``TensorError``
    init(
        _ images: [RequestImage], _ vae: AutoencoderKLFlux2, _ parts: Flux2.Parts, on device: Device, _ trace: Trace?
    ) throws {
        var (grids, encoded): ([PatchGrid], [Tensor]) = ([], [])
        for image in images {
            try Task.checkCancellation()
            let size = Flux2.ReferenceSize(
                width: image.pixels.width, height: image.pixels.height, granularity: parts.granularity)
            let pixels = image.pixels.resized(
                width: size.width, height: size.height, filter: .lanczos, croppedTo: size.crop.height, size.crop.width)
            grids.append(parts.grid(size.crop))
            encoded.append(try vae.encode(Tensor(image: pixels, on: device), grids[grids.count - 1]))
        }
        let tokens = try concatenate(encoded, axis: 1)
        try trace?.record("image_latents", tokens)
        (self.tokens, self.grids) = (tokens, grids)
    }
}
