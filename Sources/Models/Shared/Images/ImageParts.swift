internal import Diffusion
internal import Layers

/// The components of a model of images.
protocol ImageParts {
    associatedtype Denoiser: ImageTransformer
    associatedtype Autoencoder: ImageAutoencoder

    /// In the order they run.
    var textEncoders: [any InspectableComponent] { get }
    var transformer: Component<Denoiser.Config, Denoiser> { get }
    var vae: Component<Autoencoder.Config, Autoencoder> { get }
}

extension ImageParts {
    /// How many pixels a token is high and wide.
    var granularity: Int { 2 * vae.config.scaleFactor }

    /// The tokens of an image, each of two by two latents.
    func grid(_ size: OutputSize) -> PatchGrid {
        let scale = vae.config.scaleFactor
        return PatchGrid([1, size.height / scale, size.width / scale], patch: [1, 2, 2])
    }

    /// Checks that a size of the transformer is what another component takes or gives.
    func require(_ key: String, _ size: Int, is name: String, _ other: Int) throws(ConfigError) {
        if size != other { throw transformer.error(.misfit(key, size, to: name, other)) }
    }
}
