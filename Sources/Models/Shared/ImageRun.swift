internal import Diffusion
internal import Layers
internal import Tensors

/// One request's images on their way: what the runs of all models of images share.
///
/// A family's run encodes its prompts, predicts in each step, and says how one image's latents become pixels.
final class ImageRun {
    let request: GenerationRequest
    let run: RunEnvironment
    let loop: DenoisingLoop
    private let pixels: (Tensor) throws -> Tensor

    /// - Parameters:
    ///   - request: a resolved request
    ///   - run: who is told of it
    ///   - scheduler: how a prediction moves the latents
    ///   - mu: shifts the noise levels
    ///   - pixels: one image's latents as the loop holds them, `[1, tokens, channels]`, to `[1, 3, height, width]`
    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(
        _ request: GenerationRequest, _ run: RunEnvironment, _ scheduler: FlowMatchEuler, mu: Double,
        pixels: @escaping (Tensor) throws -> Tensor
    ) throws {
        (self.request, self.run, self.pixels) = (request, run, pixels)
        let count = request.numInferenceSteps ?? 1
        let sigmas = request.extra["sigmas"]?.items.compactMap(\.number)
        let schedule = scheduler.schedule(sigmas: sigmas ?? linspace(1, 1 / Double(count), count), mu: mu)
        loop = try DenoisingLoop(scheduler, schedule, for: request, run)
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            PixelBatch(try PixelPart(images: images(of: clean)))
        }
    }

    /// The latents in the type that the transformer computes in.
    func narrowed(_ latents: [Tensor]) throws(TensorError) -> Tensor { try latents[0].to(run.options.plan.dtype) }

    /// Encodes the prompts of each branch of guidance.
    func encode<Prompt>(
        _ guidance: Guidance, _ times: inout StageTimes, prompt: (Guidance.Branch) throws -> Prompt
    ) throws -> [Prompt] {
        run.observe(.encodingText)
        return try timed(&times.text) { try guidance.branches.map(prompt) }
    }

    /// Decodes and delivers the images.
    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        let pixels = try timed(&times.decode) {
            let decoded = try images(of: loop.latents[0])
            try run.trace?.record("decoded", decoded)
            return try PixelPart(images: decoded)
        }
        let shape = pixels.shape
        run.trace?.record("output", bytes: pixels.bytes, shape: [shape.count, shape.height, shape.width, 3])
        try run.deliver(.pixels(pixels))
    }

    /// Decodes one image after the other: several at once would need more memory, and convolutions sum otherwise then.
    private func images(of clean: Tensor) throws -> Tensor {
        var images: [Tensor] = []
        for index in 0..<clean.size(0) {
            try Task.checkCancellation()
            images.append(try pixels(clean.slice(index..<index + 1, axis: 0)).to(.float32))
        }
        return try concatenate(images, axis: 0)
    }
}
