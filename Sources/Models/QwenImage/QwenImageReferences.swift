internal import Diffusion
internal import Layers
internal import Tensors

/// What the denoiser sees of the images that are to be changed.
struct QwenImageReferences {
    /// The latents of all images, one after the other, `[1, tokens, 4 · zDim]` in 32-bit floats; nil for none.
    var tokens: Tensor?
    /// One for each image.
    let grids: [PatchGrid]

    /// No image.
    init() { (tokens, grids) = (nil, []) }

    /// Encodes the images of a request, one after the other.
    ///
    /// - Throws: `CancellationError` or ``TensorError``
    init(
        _ request: GenerationRequest, _ vae: AutoencoderKLWan, _ parts: QwenImage.Parts, on device: Device,
        _ trace: Trace?
    ) throws {
        var (grids, encoded): ([PatchGrid], [Tensor]) = ([], [])
        for (image, size) in zip(request.images, QwenImage.ReferenceSize.all(of: request)) {
            try Task.checkCancellation()
            let (size, grid) = (size.autoencoder, parts.grid(size.autoencoder))
            let pixels = image.pixels.resized(width: size.width, height: size.height, filter: .lanczos)
            let latents = try vae.encode(Tensor(image: pixels, on: device).unsqueezed(2))
            grids.append(grid)
            encoded.append(try grid.patches(vae.normalised(latents)))
        }
        let tokens = try concatenate(encoded, axis: 1)
        try trace?.record("image_latents", tokens)
        (self.tokens, self.grids) = (tokens, grids)
    }
}
