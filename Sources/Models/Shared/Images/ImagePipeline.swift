internal import Diffusion
internal import Layers

/// From prompts, and images if there are any, to images.
struct ImagePipeline<Family: ImageFamily>: PipelineStages {
    let model: Family
    let text: Family.TextEncoder
    let transformer: Resident<Family.Parts.Denoiser.Config, Family.Parts.Denoiser>
    let vae: Resident<Family.Parts.Autoencoder.Config, Family.Parts.Autoencoder>
    let scheduler: FlowMatchEuler

    init(_ model: Family, _ context: ComputeContext) throws {
        self.model = model
        scheduler = FlowMatchEuler(
            try model.checkpoint.config(
                "scheduler", file: "scheduler_config.json", classes: ["FlowMatchEulerDiscreteScheduler"]))
        text = try model.textEncoder(context)
        (transformer, vae) = (Resident(model.parts.transformer, context), Resident(model.parts.vae, context))
    }

    var components: [any ResidentComponent] { text.encoders + [transformer, vae] }

    func stages(of request: GenerationRequest, _ run: RunEnvironment) throws -> [RunStage] {
        let memory = model.stages(of: request, run.options)
        let work = try ImageRun(self, request, run)
        let references = memory.references.map { [RunStage($0, work.encodeReferences)] } ?? []
        return [RunStage(memory.text, work.encode)] + references
            + [RunStage.stepwise(memory.denoise, work.step), RunStage.decoding(memory.decode, work.decode)]
    }
}
