import Diffusion
import Layers
import Media
import Models
import Tensors
import TestKit
import Testing

/// Parts of a tiny checkpoint, loaded as production does.
struct TinyModel {
    let path: String
    /// What a user sets for the whole model.
    var pipelineConfig: [String: ParameterValue] = [:]

    /// - Parameter model: a folder of the tiny checkpoints
    init(_ model: String = "flux1-tiny-dev") { path = TinyCheckpoint.path(of: model) }

    /// - Parameter copy: a checkpoint that was changed; it must outlive this value's use
    init(_ copy: TinyCheckpoint) { path = copy.path }

    func weights(_ component: String, plan: ComputePlan = ComputePlan()) throws -> Weights {
        Weights(try CheckpointWeights(folder: "\(path)/\(component)"), plan: plan)
    }

    func config<Config: ModelConfig>(_ component: String, as type: Config.Type = Config.self) throws -> Config {
        try Config.read("\(path)/\(component)/config.json").0
    }

    /// A component's module, of whose weights none may be left over.
    func module<Config: ModelConfig, Module>(
        _ component: String, plan: ComputePlan = ComputePlan(), _ make: (Weights, Config) throws -> Module
    ) throws -> Module {
        let weights = try weights(component, plan: plan)
        let module = try make(weights, config(component))
        try weights.requireAllRead()
        return module
    }

    func clip() throws -> CLIPTextModel { try module("text_encoder", CLIPTextModel.init) }
    func t5() throws -> T5Encoder { try module("text_encoder_2", T5Encoder.init) }
    func transformer() throws -> Flux1.Transformer { try module("transformer", Flux1.Transformer.init) }
    func vae() throws -> AutoencoderKL { try module("vae", AutoencoderKL.init) }

    /// The model, its configs read.
    func model() throws -> any ModelFamily { try Catalog.model(CheckpointFolder(path, pipelineConfig: pipelineConfig)) }

    /// Everything that a request makes, by the names of the trace.
    func run(_ request: GenerationRequest, dtype: DType = .float32) throws -> (PixelBatch, [String: Trace.Entry]) {
        try run(request, plan: ComputePlan(dtype: dtype))
    }

    /// The same with all that a plan says.
    func run(_ request: GenerationRequest, plan: ComputePlan, cache: StepCacheSettings? = nil) throws
        -> (PixelBatch, [String: Trace.Entry])
    {
        let model = try model()
        let pipeline = try model.load(PipelineOptions(plan, stepCache: cache))
        let trace = Trace()
        let resolved = try model.resolve(request)
        let collector = OutputCollector()
        _ = try pipeline.generate(resolved, observe: { _ in }, trace: trace, deliver: collector.add)
        return (try #require(collector.pixels), Dictionary(trace.entries.map { ($0.name, $0) }) { $1 })
    }

    /// An image that takes little time and depends on every component.
    func image() throws -> PixelBatch {
        var request = GenerationRequest(prompts: ["A cat holding a sign that says hello world."])
        (request.height, request.width, request.numInferenceSteps) = (32, 48, 2)
        (request.seeds, request.maxSequenceLength) = ([42], 32)
        return try run(request).0
    }
}

extension DiffusionTransformer {
    /// One prediction.
    func callAsFunction(_ input: Input) throws(TensorError) -> Tensor { try BlockRunner(self).predict(input)[0] }
}

extension GenerationRequest {
    /// The request that a golden answers.
    init(_ golden: GoldenRequest) throws {
        self.init(prompts: golden.prompts)
        negativePrompts = golden.negativePrompt ?? []
        (height, width, numInferenceSteps) = (golden.height, golden.width, golden.numInferenceSteps)
        (guidanceScale, maxSequenceLength) = (golden.guidanceScale, golden.maxSequenceLength)
        (numImagesPerPrompt, seeds) = (golden.numImagesPerPrompt, golden.seeds)
        numFrames = golden.numFrames
        extra["true_cfg_scale"] = golden.trueCfgScale.map(ParameterValue.number)
        extra["guidance_scale_2"] = golden.guidanceScale2.map(ParameterValue.number)
        extra["prompt_2"] = golden.prompt2.map { .list($0.map(ParameterValue.text)) }
        extra["negative_prompt_2"] = golden.negativePrompt2.map { .list($0.map(ParameterValue.text)) }
        images = try golden.image?.names.map { try RequestImage(golden: $0, in: golden.pictures) } ?? []
        lastImage = try golden.lastImage.map { try RequestImage(golden: $0, in: golden.pictures) }
        extra["sigmas"] = golden.sigmas.map { .list($0.map(ParameterValue.number)) }
        frameRate = golden.frameRate
        if golden.model.hasPrefix("ltx2") { extra["image_crf"] = .number(0) }
        extra["stage_2_sigmas"] = golden.stage2Sigmas.map { .list($0.map(ParameterValue.number)) }
        let numbers = [
            "stg_scale": golden.stgScale, "modality_scale": golden.modalityScale,
            "guidance_rescale": golden.guidanceRescale, "audio_guidance_scale": golden.audioGuidanceScale,
            "audio_stg_scale": golden.audioStgScale, "audio_modality_scale": golden.audioModalityScale,
            "audio_guidance_rescale": golden.audioGuidanceRescale, "image_cond_strength": golden.imageCondStrength,
        ]
        for (name, number) in numbers { extra[name] = number.map(ParameterValue.number) }
        extra["spatio_temporal_guidance_blocks"] = golden.spatioTemporalGuidanceBlocks.map {
            .list($0.map(ParameterValue.number))
        }
        extra["use_cross_timestep"] = golden.useCrossTimestep.map(ParameterValue.bool)
        extra["guidance_interval"] = golden.guidanceInterval.map { .list($0.map(ParameterValue.number)) }
        for (name, flag) in [
            "use_system_prompt": golden.useSystemPrompt, "use_duration_template": golden.useDurationTemplate,
            "use_resolution_template": golden.useResolutionTemplate, "enable_audio": golden.enableAudio,
        ] { extra[name] = flag.map(ParameterValue.bool) }
        for (name, area) in golden.areas ?? [:] { extra[name.lowercased()] = .number(area) }
    }
}

extension RequestImage {
    /// One of the images that goldens begin or end with.
    init(golden name: String, in folder: String = "\(Golden.folder)/wan/pictures") throws {
        let image = try Image(path: "\(folder)/\(name)")
        self.init(
            name: name, pixels: PixelBatch(count: 1, height: image.height, width: image.width, bytes: image.pixels))
    }
}

extension Trace.Entry {
    /// Of a video `[batch, channels, frames, height, width]` what LTX-2's goldens hold: each row of a patch has its turn.
    var everyFifthRow: (values: [Float], shape: [Int]) {
        let (all, height, width) = (values, shape[3], shape[4])
        let kept = Array(stride(from: 0, to: height, by: 5))
        let rows = stride(from: 0, to: all.count, by: height * width).flatMap { frame in
            kept.flatMap { all[(frame + $0 * width)...].prefix(width) }
        }
        return (rows, shape[..<3] + [kept.count, width])
    }

    /// How far it is from a golden, which has all of it or every fifth row.
    func distance(to golden: GoldenTensor) -> Distance {
        let (found, size) = golden.name.hasSuffix(".rows") ? everyFifthRow : (values, shape)
        return Distance(
            golden.name, of: found.map(Double.init), shape: size, to: golden.doubles, shape: golden.shape)
    }
}
