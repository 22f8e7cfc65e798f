package import Diffusion
package import Layers

/// Wan 2.1 and 2.2: text or an image to video.
package struct Wan: ModelFamily {
    package static let name = "Wan 2.1/2.2"
    package static let pipelineClasses = ["WanPipeline", "WanImageToVideoPipeline"]
    package static let modelIDs = [
        "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "Wan-AI/Wan2.1-T2V-14B-Diffusers", "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers",
        "Wan-AI/Wan2.1-I2V-14B-720P-Diffusers", "Wan-AI/Wan2.1-FLF2V-14B-720P-diffusers",
        "Wan-AI/Wan2.2-T2V-A14B-Diffusers", "Wan-AI/Wan2.2-I2V-A14B-Diffusers", "Wan-AI/Wan2.2-TI2V-5B-Diffusers",
    ]

    package static let parameters = [
        ParameterSpec(
            "guidance_scale_2", .number(0...1000),
            "the guidance of the second transformer, where there is one; guidance_scale if absent"),
        ParameterSpec(
            "boundary_ratio", .number(0...1),
            "the share of the timesteps below which the second transformer takes over; the checkpoint's if absent"),
        ParameterSpec(
            "vae_tiling", .flag, default: .bool(false),
            "decode in overlapping tiles: less memory, and another image where tiles meet"),
    ]

    package let checkpoint: CheckpointFolder
    let parts: Parts
    let scheduler: any Scheduler

    package init(_ checkpoint: CheckpointFolder) throws {
        self.checkpoint = checkpoint
        parts = try Parts(checkpoint)
        scheduler = try checkpoint.scheduler()
    }

    package var components: [any InspectableComponent] {
        let images: [any InspectableComponent] = parts.imageEncoder.map { [$0] } ?? []
        return [parts.textEncoder] + images + parts.transformers + [parts.vae]
    }

    package func memoryStages(of request: GenerationRequest, _ options: PipelineOptions) -> [MemoryStage] {
        Stages(request, parts, Experts(request, parts, scheduler), options).all
    }

    package func open(_ context: ComputeContext) throws -> any PipelineStages { try WanPipeline(self, context) }
}
