internal import Diffusion
internal import Layers
internal import Tensors

/// What the images of a request become.
struct WanImages {
    private let components: Wan.Parts
    private let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>
    private let processor: CLIPImageProcessor?
    let encoder: Resident<CLIPVisionConfig, CLIPVisionModel>?
    private let context: ComputeContext
    private var device: Device { context.plan.device }

    init(_ model: Wan, vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>, _ context: ComputeContext) throws {
        (components, self.vae, self.context) = (model.parts, vae, context)
        encoder = components.imageEncoder.map { Resident($0, context) }
        // The index of FLF2V names a whole CLIPProcessor, of which only the part for images is used.
        let classes = ["CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPProcessor"]
        processor = try encoder.map { _ in
            CLIPImageProcessor(
                try model.checkpoint.config("image_processor", file: "preprocessor_config.json", classes: classes))
        }
    }

    /// The image encoder's states of each video's images in a row, `[outputs, tokens, width]` in the denoiser's type; nil
    /// for models that do not look at the images themselves.
    func encoded(_ request: GenerationRequest, _ dtype: DType, _ trace: Trace?) throws -> Tensor? {
        guard let encoder, let processor else { return nil }
        let images =
            try request.images.map { try processor($0.pixels, of: "image") }
            + [request.lastImage].compactMap { $0 }.map { try processor($0.pixels, of: "last_image") }
        let pixels = try concatenate(images, axis: 0)
        let states = try encoder()(pixels)
        try trace?.record("pixel_values", pixels)
        try trace?.record("image_embeds", states)
        return try states.to(dtype).reshaped(1, -1, states.size(2)).expanded(request.outputCount, -1, -1)
    }

    /// What stands beside the noise, or in place of its first frame, `[outputs, channels, frames, height, width]` in 32-bit
    /// floats; nil without an image.
    func condition(_ request: GenerationRequest, _ trace: Trace?) throws -> Tensor? {
        guard let first = request.images.first else { return nil }
        let image = try frame(first, request)
        try trace?.record("image", image.squeezed(2))
        let last = try request.lastImage.map { try frame($0, request) }
        if let last { try trace?.record("last_image", last.squeezed(2)) }
        let frames = components.conditioning == .firstFrame ? 1 : request.numFrames ?? 1
        let blank = try Tensor.full(0, image.shape, on: device)
        let vae = try vae()
        let latents = try vae.normalised(
            vae.encode(frames: frames) { index in
                try context.checkCancellationAlone()
                if index == 0 { return image }
                return index == frames - 1 ? last ?? blank : blank
            })
        let isBeside = components.conditioning == .channels
        let parts = isBeside ? [try mask(like: latents, last != nil), latents] : [latents]
        let condition = try concatenate(parts, axis: 1).spread(over: request.outputCount)
        try trace?.record("condition", condition)
        return condition
    }

    /// An image in the size of the video, from -1 to 1, `[1, 3, 1, height, width]`.
    private func frame(_ image: RequestImage, _ request: GenerationRequest) throws(TensorError) -> Tensor {
        let (height, width) = (request.height ?? 1, request.width ?? 1)
        let pixels = image.pixels.resized(width: width, height: height, filter: .lanczos)
        return try Tensor(image: pixels, on: device).unsqueezed(2)
    }

    /// For each frame of a latent frame whether it is given, `[1, 4, frames, height, width]`; the first counts four times.
    private func mask(like latents: Tensor, _ hasLast: Bool) throws(TensorError) -> Tensor {
        let (channels, frames) = (components.vae.config.temporalFactor, latents.size(2))
        var flags = [Float](repeating: 0, count: channels * frames)
        for channel in 0..<channels { flags[channel * frames] = 1 }
        if hasLast { flags[channels * frames - 1] = 1 }
        return try Tensor(flags, shape: [1, channels, frames, 1, 1], on: device)
            .expanded(1, -1, -1, latents.size(3), latents.size(4))
    }
}
