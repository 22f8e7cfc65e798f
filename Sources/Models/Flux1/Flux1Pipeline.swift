internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts to images.
// Source: diffusers 0.42.1, pipelines/flux/pipeline_flux.py.
extension Flux1: ImageFamily {
    static var noiseTimestep: Float { 1000 }

    func textEncoder(_ context: ComputeContext) throws -> Flux1TextEncoders { try Flux1TextEncoders(self, context) }

    func guidance(of request: GenerationRequest) -> Guidance {
        let scale = request.extra["true_cfg_scale"]?.number ?? 1
        return Guidance(negative: scale > 1 && !request.negativePrompts.isEmpty ? scale : nil)
    }

    func noise(_ grid: PatchGrid, _ draw: ([Int]) throws -> Tensor) throws -> Tensor {
        let noise = try draw([parts.vae.config.latentChannels, 2 * grid.rows, 2 * grid.columns])
        return try grid.patches(noise.unsqueezed(2))
    }

    static func inputs(of transformer: Transformer, _ conditions: ImageConditions<Flux1TextEncoders.Prompt>) throws
        -> [Transformer.Input]
    {
        let prompts = conditions.prompts
        let rotary = try conditions.grids[0].rotary(
            after: prompts[0].prompt.size(1), widths: transformer.config.axesDimsRope, on: conditions.device)
        return prompts.map {
            Transformer.Input(
                latents: conditions.latents, prompt: $0.prompt, pooledPrompt: $0.pooled, timestep: 0,
                guidance: Float(conditions.request.guidanceScale ?? 1), rotary: rotary,
                modulations: Transformer.Modulations(
                    of: conditions.timesteps, atOnce: rowsAtOnce(on: conditions.device)))
        }
    }
}

extension Flux1.Transformer: ImageTransformer {}
extension Flux1.Transformer.Input: ImageInput {}
