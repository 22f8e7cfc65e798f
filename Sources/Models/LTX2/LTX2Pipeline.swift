internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and an image if there is one, to videos with sound.
// Source: diffusers 0.42.1, pipelines/ltx2/pipeline_ltx2.py and pipeline_ltx2_image2video.py.
struct LTX2Pipeline: PipelineStages {
    let model: LTX2
    let text: LTX2TextEncoder
    let connectors: Resident<LTX2.ConnectorsConfig, LTX2.Connectors>
    let transformer: Resident<LTX2.TransformerConfig, LTX2.Transformer>
    let upsampler: Resident<LTX2LatentUpsamplerConfig, LTX2LatentUpsampler>?
    /// The denoiser of the second stage, where it is another one.
    let distilled: Resident<LTX2.TransformerConfig, LTX2.Transformer>?
    let vae: Resident<AutoencoderKLLTX2VideoConfig, AutoencoderKLLTX2Video>
    let audioVAE: Resident<AutoencoderKLLTX2AudioConfig, AutoencoderKLLTX2Audio>
    let vocoder: any LTX2ResidentWaveMaker

    init(_ model: LTX2, _ context: ComputeContext) throws {
        let parts = model.parts
        self.model = model
        text = try LTX2TextEncoder(model, context)
        connectors = Resident(parts.connectors, context)
        transformer = Resident(parts.transformer, context)
        upsampler = parts.upsampler.map { Resident($0, context) }
        distilled = parts.distilled.map { Resident($0, context) }
        vae = Resident(parts.vae, context)
        audioVAE = Resident(parts.audioVAE, context)
        vocoder = parts.vocoder.resident(context)
    }

    var components: [any ResidentComponent] {
        let parts: [(any ResidentComponent)?] = [
            text.gemma.encoder, connectors, audioVAE, vocoder, upsampler, distilled, vae, transformer,
        ]
        return parts.compactMap { $0 }
    }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = LTX2.Stages(request, model.parts, run.options)
        let work = try LTX2Run(self, request, run)
        var stages = [RunStage(memory.text, work.encode), RunStage(memory.connect, work.connect)]
        if let condition = memory.condition { stages.append(RunStage(condition, work.condition)) }
        stages.append(.stepwise(memory.denoise, work.step))
        if let (enlarge, denoise) = memory.second {
            stages += [RunStage(enlarge, work.enlarge), .stepwise(denoise, work.stepAgain)]
        }
        if let sound = memory.sound { stages.append(.decoding(sound, work.decodeSound)) }
        return stages + [.decoding(memory.decode, work.decode)]
    }
}
