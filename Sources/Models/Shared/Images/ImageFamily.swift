internal import Diffusion
internal import Layers
internal import Tensors

/// A family of models that all make images in one way: texts are encoded, then reference images if there are any; one
/// transformer takes the steps; the images are decoded, one after the other.
///
/// ``ImagePipeline`` and ``ImageRun`` do that. Here stands what is a family's own.
protocol ImageFamily: ModelFamily {
    associatedtype Parts: ImageParts
    associatedtype TextEncoder: ImageTextEncoder

    /// The timestep of pure noise as the transformer counts.
    static var noiseTimestep: Float { get }

    var parts: Parts { get }

    /// Reads the tokenizers.
    func textEncoder(_ context: ComputeContext) throws -> TextEncoder

    /// What a resolved request is guided by.
    func guidance(of request: GenerationRequest) -> Guidance

    /// How far the noise levels are shifted for an image of so many tokens; by the scheduler's config unless the family
    /// says so.
    func mu(_ request: GenerationRequest, tokens: Int, _ scheduler: FlowMatchEuler) -> Double

    /// The latents of the first step, `[outputs, tokens, channels]`.
    ///
    /// - Parameters:
    ///   - grid: the image's tokens
    ///   - draw: draws noise of one image's shape
    func noise(_ grid: PatchGrid, _ draw: ([Int]) throws -> Tensor) throws -> Tensor

    /// The inputs of the steps, one for each prompt; every step puts its own latents and timestep there.
    static func inputs(of transformer: Parts.Denoiser, _ conditions: ImageConditions<TextEncoder.Prompt>) throws
        -> [Parts.Denoiser.Input]

    /// The images that the denoiser sees besides the texts; none unless the family says so.
    func references(of request: GenerationRequest) -> [ImageReference]

    /// What a resolved request holds in memory.
    func stages(of request: GenerationRequest, _ options: PipelineOptions) -> ImageStages

    /// What the transformer's config has in a benchmark that is no default; nothing unless the family says so.
    static var benchmarkConfig: [String: Int] { get }

    /// A random prompt.
    static func benchmarkPrompt(_ image: ImageBenchmark, _ config: Parts.Denoiser.Config) throws -> TextEncoder.Prompt
}

extension ImageFamily {
    static var benchmarkConfig: [String: Int] { [:] }
    package var components: [any InspectableComponent] { parts.textEncoders + [parts.transformer, parts.vae] }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        stages(of: request, options).all
    }

    package func open(_ context: ComputeContext) throws -> any PipelineStages { try ImagePipeline(self, context) }

    func mu(_ request: GenerationRequest, tokens: Int, _ scheduler: FlowMatchEuler) -> Double {
        scheduler.mu(tokens: tokens)
    }

    func references(of request: GenerationRequest) -> [ImageReference] { [] }
}

/// The text encoders of a model of images, with their tokenizers.
protocol ImageTextEncoder {
    /// A batch of prompts as the denoiser takes them.
    associatedtype Prompt

    /// The first to leave memory first.
    var encoders: [any ResidentComponent] { get }

    /// Encodes the prompts of each branch of guidance, one row for each image.
    ///
    /// - Throws: ``TokenizerError``, ``TensorError``, or ``ConfigError`` for a token that an encoder has no row for
    func encode(_ request: GenerationRequest, _ branches: [Guidance.Branch], _ trace: Trace?) throws -> [Prompt]
}

/// What the inputs of a request's steps are made of.
struct ImageConditions<Prompt> {
    let request: GenerationRequest
    /// Those of the first step.
    let latents: Tensor
    /// The latents of the reference images, one after the other, `[outputs, tokens, channels]`; nil for none.
    let references: Tensor?
    /// The tokens of the image, then of each reference image.
    let grids: [PatchGrid]
    /// One for each branch of guidance.
    let prompts: [Prompt]
    /// Of all steps, as the transformer counts.
    let timesteps: [Float]
    let device: Device
}
