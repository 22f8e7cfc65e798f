internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images for models that take some, to videos.
// Source: diffusers 0.42.1, pipelines/wan/pipeline_wan.py and pipeline_wan_i2v.py.
struct WanPipeline: PipelineStages {
    let model: Wan
    let text: WanTextEncoder
    let images: WanImages
    let transformer: Resident<Wan.TransformerConfig, Wan.Transformer>
    let transformer2: Resident<Wan.TransformerConfig, Wan.Transformer>?
    let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>

    init(_ model: Wan, _ context: ComputeContext) throws {
        self.model = model
        text = try WanTextEncoder(model, context)
        vae = Resident(model.parts.vae, context)
        images = try WanImages(model, vae: vae, context)
        transformer = Resident(model.parts.transformer, context)
        transformer2 = model.parts.transformer2.map { Resident($0, context) }
    }

    var components: [any ResidentComponent] {
        let parts: [(any ResidentComponent)?] = [text.encoder, images.encoder, vae, transformer, transformer2]
        return parts.compactMap { $0 }
    }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let experts = Wan.Experts(request, model.parts, model.scheduler)
        let memory = Wan.Stages(request, model.parts, experts, run.options)
        let work = try WanRun(self, request, experts, run)
        let stages = [
            RunStage(memory.text, work.encode), memory.look.map { RunStage($0, work.look) },
            memory.condition.map { RunStage($0, work.condition) },
            memory.denoise.map { RunStage($0, steps: { times in try work.step(of: 0, &times) }) },
            memory.denoise2.map { RunStage($0, steps: { times in try work.step(of: 1, &times) }) },
            RunStage(memory.decode, work.decode),
        ]
        return stages.compactMap { $0 }
    }
}

/// One request's videos on their way.
final class WanRun {
    private let pipeline: WanPipeline
    private let request: GenerationRequest
    private let experts: Wan.Experts
    private let run: RunEnvironment
    private let noise: NoiseSource
    private let loop: DenoisingLoop
    private let hasNegative: Bool
    /// The states of the prompts, and of the negative ones with guidance, `[outputs, tokens, width]`.
    private var prompts: [Tensor] = []
    /// The image encoder's states.
    private var imageStates: Tensor?
    /// The latents of the images.
    private var imageLatents: Tensor?
    /// One for each branch of guidance.
    private var inputs: [Wan.Transformer.Input] = []
    private var predict: StepPredictor<Wan.Transformer>?

    /// - Throws: ``InvalidRequest`` where the scheduler's config makes no finite noise levels of the request's
    init(_ pipeline: WanPipeline, _ request: GenerationRequest, _ experts: Wan.Experts, _ run: RunEnvironment) throws {
        (self.pipeline, self.request, self.experts, self.run) = (pipeline, request, experts, run)
        let scheduler = pipeline.model.scheduler
        try scheduler.requireFinite(experts.schedule, for: request)
        noise = try NoiseSource(seeds: request.seeds, count: request.outputCount)
        loop = DenoisingLoop(scheduler, experts.schedule, noise: noise, run)
        hasNegative = request.guidanceScale.map { $0 > 1 } ?? false
    }

    func encode(_ times: inout StageTimes) throws {
        run.observe(.encodingText)
        let negatives = request.negativePrompts.isEmpty ? [""] : request.negativePrompts
        try timed(&times.text) {
            prompts = [try pipeline.text.encode(request.prompts, for: request, as: "prompt_embeds", run.trace)]
            guard hasNegative else { return }
            prompts.append(try pipeline.text.encode(negatives, for: request, as: "negative_prompt_embeds", run.trace))
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
        let predict = try predict ?? begin(expert)
        let scale = expert == 0 ? nil : request.extra["guidance_scale_2"]?.number
        let guidance = Guidance.classifierFree(hasNegative ? scale ?? request.guidanceScale : nil)
        try loop.step(times: &times.denoise) { latents, step in
            let joined = try joined(latents[0])
            for index in inputs.indices {
                inputs[index].latents = joined
                inputs[index].timesteps = timesteps(step.timestep, frames: latents[0].size(2))
            }
            return [try guidance(predict(inputs).map { $0[0] }, latents: latents[0], sigma: step.sigma)]
        }
        if loop.index < predict.steps.upperBound { return true }
        times.add(predict.report)
        (self.predict, inputs) = (nil, [])
        return false
    }

    private func begin(_ expert: Int) throws -> StepPredictor<Wan.Transformer> {
        if loop.index == 0 { try loop.begin([drawn()]) }
        loop.preview = DenoisingLoop.Preview(request.previews, of: loop.count) { [unowned self] clean in
            try still(pinned(clean))
        }
        let transformer = try (expert == 0 ? pipeline.transformer : pipeline.transformer2 ?? pipeline.transformer)()
        let (config, latents) = (transformer.config, loop.latents[0])
        let grid = Wan.Grid(frames: latents.size(2), height: latents.size(3), width: latents.size(4), config)
        let rotary = try grid.rotary(headWidth: config.attentionHeadDim, on: run.options.plan.device)
        inputs = try prompts.map { prompt in
            try transformer.prepared(
                Wan.Transformer.Input(
                    latents: latents, prompt: prompt, image: imageStates, timesteps: [], rotary: rotary))
        }
        let predict = StepPredictor(
            transformer, expert == 0 ? run.stepCaches.first : run.stepCaches.last,
            steps: expert == 0 ? 0..<experts.boundary : experts.boundary..<experts.count, number: expert)
        self.predict = predict
        return predict
    }

    private func drawn() throws -> Tensor {
        let config = pipeline.model.parts.vae.config
        let drawn = try noise.draw([
            config.zDim, config.latentFrames(request.numFrames ?? 1), (request.height ?? 0) / config.scaleFactor,
            (request.width ?? 0) / config.scaleFactor,
        ])
        try run.trace?.record("noise", drawn)
        return try drawn.to(on: run.options.plan.device)
    }

    func decode(_ times: inout StageTimes) throws {
        run.observe(.decoding)
        prompts = []
        try timed(&times.decode) { try deliver(pinned(loop.latents[0])) }
    }
}

extension WanRun {
    private var conditioning: Wan.Parts.Conditioning { pipeline.model.parts.conditioning }

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
        var frames: [Tensor] = []
        try decodeFrames(of: latents.slice(middle..<middle + 1, axis: 2)) { frames.append($0) }
        return PixelBatch(try PixelPart(images: concatenate(frames, axis: 2).squeezed(2)))
    }

    /// Decodes frame by frame and delivers each as it comes.
    private func deliver(_ latents: Tensor) throws {
        let count = pipeline.model.parts.vae.config.frames(latents: latents.size(2))
        let collector = OutputCollector()
        var (decoded, index): ([Tensor], Int) = ([], 0)
        try decodeFrames(of: latents) { frame in
            try Task.checkCancellation()
            let part = try PixelPart(frames: frame, from: index, of: count)
            index += 1
            if run.trace != nil {
                decoded.append(try frame.to(.float32))
                collector.add(.pixels(part))
            }
            try run.deliver(.pixels(part))
        }
        guard let trace = run.trace, let pixels = collector.pixels else { return }
        try trace.record("decoded", concatenate(decoded, axis: 2))
        let shape = pixels.shape
        trace.record("output", bytes: pixels.bytes, shape: [shape.count, count, shape.height, shape.width, 3])
    }

    private func decodeFrames(of latents: Tensor, _ body: (Tensor) throws -> Void) throws {
        let tiling = Wan.tiling(of: request, pipeline.model.parts.vae.config)
        try pipeline.vae().decode(normalised: latents, tiling: tiling, body)
    }
}
