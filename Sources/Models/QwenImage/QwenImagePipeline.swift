internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images if they are to be changed, to images.
// Source: diffusers 0.42.1, pipelines/qwenimage/pipeline_qwenimage.py and pipeline_qwenimage_edit_plus.py.
extension QwenImage: ImageFamily {
    static var noiseTimestep: Float { 1 }

    func textEncoder(_ context: ComputeContext) throws -> QwenImageTextEncoder {
        try QwenImageTextEncoder(self, context)
    }

    func guidance(of request: GenerationRequest) -> Guidance {
        let scale = request.trueCFGScale
        let isGuided = scale > 1 && !request.negativePrompts.isEmpty
        return Guidance(negative: isGuided ? scale : nil, keeping: .lengthOfTokens)
    }

    func noise(_ grid: PatchGrid, _ draw: ([Int]) throws -> Tensor) throws -> Tensor {
        let noise = try draw([1, parts.vae.config.zDim, 2 * grid.rows, 2 * grid.columns])
        return try grid.patches(noise.permuted(0, 2, 1, 3, 4))
    }

    static func inputs(of transformer: Transformer, _ conditions: ImageConditions<QwenImageTextEncoder.Prompt>) throws
        -> [Transformer.Input]
    {
        let modulations = Transformer.Modulations(
            of: conditions.timesteps, atOnce: rowsAtOnce(on: conditions.device))
        return try conditions.prompts.map { prompt in
            Transformer.Input(
                latents: conditions.latents, references: conditions.references, prompt: prompt.states,
                textMask: prompt.mask, timestep: 0,
                rotary: try transformer.config.rotary(
                    textTokens: prompt.states.size(1), conditions.grids, on: conditions.device),
                modulations: modulations)
        }
    }

    func references(of request: GenerationRequest) -> [ImageReference] {
        zip(request.images, ReferenceSize.all(of: request)).map { ImageReference($0, resizedTo: $1.autoencoder) }
    }
}

extension QwenImage.Transformer: ImageTransformer {}
extension QwenImage.Transformer.Input: ImageInput {}
