internal import Diffusion
internal import Tensors

extension AutoencoderKLWanConfig: ImageAutoencoderConfig {
    var latentChannels: Int { zDim }

    func decodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize {
        decodingBytes(batch: 1, image, dtype: dtype)
    }
}

extension AutoencoderKLWan: ImageAutoencoder {
    func tokens(of pixels: Tensor, _ grid: PatchGrid) throws -> Tensor {
        try grid.patches(normalised(encode(pixels.unsqueezed(2))))
    }

    func pixels(of tokens: Tensor, _ grid: PatchGrid) throws -> Tensor {
        try image(normalised: grid.latents(tokens))
    }
}
