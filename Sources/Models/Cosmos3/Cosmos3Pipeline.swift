internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and an image if there is one, to videos or images, with sound if it is asked for.
// Source: diffusers 0.42.1, pipelines/cosmos/pipeline_cosmos3_omni.py.
struct Cosmos3Pipeline: PipelineStages {
    let model: Cosmos3
    let reader: Cosmos3.PromptReader
    let transformer: Resident<Cosmos3.TransformerConfig, Cosmos3.Transformer>
    let vae: Resident<AutoencoderKLWanConfig, AutoencoderKLWan>
    let soundTokenizer: Resident<Cosmos3AVAEAudioTokenizerConfig, Cosmos3AVAEAudioTokenizer>?

    init(_ model: Cosmos3, _ context: ComputeContext) throws {
        self.model = model
        reader = try Cosmos3.PromptReader(model)
        transformer = Resident(model.parts.transformer, context)
        vae = Resident(model.parts.vae, context)
        soundTokenizer = model.parts.soundTokenizer.map { Resident($0, context) }
    }

    var components: [any ResidentComponent] {
        let sound: [any ResidentComponent] = soundTokenizer.map { [$0] } ?? []
        return sound + [vae, transformer]
    }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = Cosmos3.Stages(request, model.parts, run.options)
        let work = try Cosmos3Run(self, request, run)
        let stages = [
            memory.condition.map { RunStage($0, work.condition) }, RunStage(memory.text, work.read),
            .stepwise(memory.denoise, work.step), memory.sound.map { .decoding($0, work.decodeSound) },
            .decoding(memory.decode, work.decode),
        ]
        return stages.compactMap { $0 }
    }
}
