package import Diffusion
package import Layers

/// Wan 2.1 and 2.2: text or a picture to video.
package enum Wan: ModelFamily {
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
            "decode in overlapping tiles: less memory, and another picture where tiles meet"),
    ]

    package static func components(of checkpoint: CheckpointFolder) throws -> [any InspectableComponent] {
        try Components(checkpoint).all
    }

    package static func memory(
        of request: GenerationRequest, for checkpoint: CheckpointFolder, plan: ExecutionPlan
    ) throws -> MemoryForecast {
        // The weights first: their shapes bear out the sizes in the configs.
        let components = try Components(checkpoint)
        let weights = try components.weights(plan)
        let experts = Experts(request, components, try checkpoint.scheduler())
        return MemoryForecast(weights: weights, stages: Stages(request, components, experts, plan).all)
    }

    package static func load(_ checkpoint: CheckpointFolder, plan: ExecutionPlan, memoryLimit: Int?) throws
        -> any Pipeline
    {
        try WanPipeline(checkpoint, plan: plan, memoryLimit: memoryLimit)
    }
}
