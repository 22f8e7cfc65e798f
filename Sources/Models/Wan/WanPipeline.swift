internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images for models that take some, to videos.
// Source: diffusers 0.42.1, pipelines/wan/pipeline_wan.py and pipeline_wan_i2v.py.
struct WanPipeline: PipelineStages {
    let model: Wan
    let text: WanTextEncoder
    let images: WanImages
    /// One or two, in the order of the steps.
    let transformers: [Resident<Wan.TransformerConfig, Wan.Transformer>]
    let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>

    init(_ model: Wan, _ context: ComputeContext) throws {
        self.model = model
        text = try WanTextEncoder(model, context)
        vae = Resident(model.parts.vae, context)
        images = try WanImages(model, vae: vae, context)
        transformers = model.parts.transformers.map { Resident($0, context) }
    }

    var components: [any ResidentComponent] {
        let parts: [(any ResidentComponent)?] = [text.umt5.encoder, images.encoder, vae]
        return parts.compactMap { $0 } + transformers
    }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let experts = Wan.Experts(request, model.parts, model.scheduler)
        let memory = Wan.Stages(request, model.parts, experts, run.options)
        let work = try WanRun(self, request, experts, run)
        let conditions = [
            RunStage(memory.text, work.encode), memory.look.map { RunStage($0, work.look) },
            memory.condition.map { RunStage($0, work.condition) },
        ]
        let steps = memory.denoise.enumerated().map { expert, stage in
            stage.map { RunStage.stepwise($0) { times in try work.step(of: expert, &times) } }
        }
        return (conditions + steps).compactMap { $0 } + [RunStage.decoding(memory.decode, work.decode)]
    }
}

/// One request's videos on their way.
final class WanRun {
    private let pipeline: WanPipeline
    private let request: GenerationRequest
    private let run: RunEnvironment
    private let loop: DenoisingLoop
    /// Of the first transformer, and of the second where there is one.
    private let steps: [TransformerSteps<Wan.TransformerConfig, Wan.Transformer>]
    /// Of the same.
    private let guidance: [Guidance]
    /// The states of the prompts, and of the negative ones with guidance, `[outputs, tokens, width]`.
    private var prompts: [Tensor] = []
    /// The image encoder's states.
    private var imageStates: Tensor?
    /// The latents of the images.
    private var imageLatents: Tensor?

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: WanPipeline, _ request: GenerationRequest, _ experts: Wan.Experts, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.run) = (pipeline, request, run)
        loop = try DenoisingLoop(pipeline.model.scheduler, experts.schedule, for: request, run)
        steps = pipeline.transformers.enumerated().map { number, transformer in
            TransformerSteps(transformer, steps: experts.steps[number], run.stepCaches, number: number)
        }
        let scale = request.guidanceScale.flatMap { $0 > 1 ? $0 : nil }
        let scale2 = scale.map { request.extra["guidance_scale_2"]?.number ?? $0 }
        guidance = [Guidance(negative: scale), Guidance(negative: scale2)]
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            try still(pinned(clean))
        }
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        try timed(&times.text) {
            prompts = try guidance[0].branches.map { try pipeline.text.encode(request, $0, run.trace) }
        }
    }

    func look(_ times: inout StageTimes) throws {
        try timed(&times.text) {
            imageStates = try pipeline.images.encoded(request, run.options.plan.dtype, run.trace)
        }
    }

    func condition(_ times: inout StageTimes) throws {
        try timed(&times.text) { imageLatents = try pipeline.images.condition(request, run.trace) }
    }

    /// One step of the first or the second transformer.
    func step(of expert: Int, _ times: inout StageTimes) throws -> Bool {
        if loop.latents.isEmpty {
            let vae = pipeline.model.parts.vae.config
            try loop.begin([loop.drawNoise([vae.zDim] + vae.latentSize(OutputSize(request)))])
        }
        return try steps[expert].step(of: loop, [guidance[expert]], times: &times, inputs: inputs) {
            inputs, latents, step in
            let joined = try joined(latents[0])
            for index in inputs.indices {
                inputs[index].latents = joined
                inputs[index].timesteps = timesteps(step.timestep, frames: joined.size(2))
            }
        }
    }

    private func inputs(of transformer: Wan.Transformer) throws -> [Wan.Transformer.Input] {
        let (config, latents) = (transformer.config, loop.latents[0])
        let rotary = try config.grid(latents).rotary(widths: config.rotaryWidths, on: run.options.plan.device)
        return prompts.map {
            Wan.Transformer.Input(latents: latents, prompt: $0, image: imageStates, timesteps: [], rotary: rotary)
        }
    }

    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        prompts = []
        try timed(&times.decode) {
            let (vae, latents) = (try pipeline.vae(), try pinned(loop.latents[0]))
            try run.deliverFrames(vae.config.frames(latents: latents.size(2))) { emit in
                try vae.decode(normalised: latents, tiling: tiling, emit)
            }
        }
    }
}

extension WanRun {
    private var conditioning: Wan.Parts.Conditioning { pipeline.model.parts.conditioning }
    private var tiling: VideoTiling? { pipeline.model.parts.tiling(of: request) }

    /// The latents as the denoiser takes them.
    private func joined(_ latents: Tensor) throws(TensorError) -> Tensor {
        guard conditioning == .channels, let imageLatents else { return try pinned(latents) }
        return try concatenate([latents, imageLatents], axis: 1)
    }

    /// The latents with the image as their first frame, for models and requests that have one.
    private func pinned(_ latents: Tensor) throws(TensorError) -> Tensor {
        guard conditioning == .firstFrame, let imageLatents else { return latents }
        return try concatenate([imageLatents, latents.slice(1..<latents.size(2), axis: 2)], axis: 2)
    }

    /// One time for all tokens; where an image is the first frame that frame is clean, and has a time of its own.
    private func timesteps(_ timestep: Float, frames: Int) -> [Float] {
        guard conditioning == .firstFrame, imageLatents != nil else { return [timestep] }
        return [0] + Array(repeating: timestep, count: frames - 1)
    }

    /// A frame of the middle of each video: its latents decoded as if the video began there, which needs no others.
    private func still(_ latents: Tensor) throws -> PixelBatch {
        let middle = latents.size(2) / 2
        let image = try pipeline.vae().image(normalised: latents.slice(middle..<middle + 1, axis: 2), tiling: tiling)
        return PixelBatch(try PixelPart(images: image))
    }
}
