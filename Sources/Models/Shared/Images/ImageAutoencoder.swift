internal import Diffusion
internal import Layers
internal import Tensors

/// An autoencoder between images and tokens as the denoiser sees them.
protocol ImageAutoencoder {
    associatedtype Config: ImageAutoencoderConfig

    init(_ weights: Weights, _ config: Config) throws

    /// - Parameters:
    ///   - pixels: from -1 to 1, `[1, 3, height, width]`
    ///   - grid: the image's tokens
    /// - Returns: `[1, tokens, channels]` in 32-bit floats
    func tokens(of pixels: Tensor, _ grid: PatchGrid) throws -> Tensor

    /// - Parameters:
    ///   - tokens: `[1, tokens, channels]` in 32-bit floats
    ///   - grid: the image's tokens
    /// - Returns: from about -1 to 1, `[1, 3, height, width]`
    func pixels(of tokens: Tensor, _ grid: PatchGrid) throws -> Tensor
}

/// What an autoencoder's config says of images.
protocol ImageAutoencoderConfig: ModelConfig {
    /// How many pixels a latent stands for in each direction.
    var scaleFactor: Int { get }
    var latentChannels: Int { get }

    /// What decoding an image holds at once besides weights, in bytes.
    func decodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize

    /// What encoding an image holds at once besides weights, in bytes.
    func encodingBytes(_ image: OutputSize, dtype: DType) -> MemorySize

    /// That of the published models with some numbers changed; the defaults are it unless the type says so.
    static func published(changing changes: [String: Int]) throws(ConfigFault) -> Self
}

extension ImageAutoencoderConfig {
    static func published(changing changes: [String: Int]) throws(ConfigFault) -> Self {
        try defaults(changing: changes)
    }
}
