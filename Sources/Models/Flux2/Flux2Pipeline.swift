internal import Diffusion
internal import Layers
internal import Tensors

/// From prompts, and images if there are any, to images.
// Source: diffusers 0.42.1, pipelines/flux2/pipeline_flux2.py and pipeline_flux2_klein.py.
extension Flux2: ImageFamily {
    static var noiseTimestep: Float { 1000 }

    func textEncoder(_ context: ComputeContext) throws -> Flux2TextEncoder { try Flux2TextEncoder(self, context) }

    func guidance(of request: GenerationRequest) -> Guidance {
        let isGuided = parts.variant == .baseKlein && (request.guidanceScale ?? 1) > 1
        return Guidance(negative: isGuided ? request.guidanceScale : nil)
    }

    func mu(_ request: GenerationRequest, tokens: Int, _ scheduler: FlowMatchEuler) -> Double {
        Self.empiricalMu(tokens: tokens, steps: request.numInferenceSteps ?? 1)
    }

    func noise(_ grid: PatchGrid, _ draw: ([Int]) throws -> Tensor) throws -> Tensor {
        let noise = try draw([parts.transformer.config.inChannels, grid.rows, grid.columns])
        return try noise.reshaped(noise.size(0), noise.size(1), grid.tokens).permuted(0, 2, 1).contiguous()
    }

    static func inputs(of transformer: Transformer, _ conditions: ImageConditions<Tensor>) throws -> [Transformer.Input]
    {
        let (config, prompts) = (transformer.config, conditions.prompts)
        let rotary = try config.rotary(textTokens: prompts[0].size(1), conditions.grids, on: conditions.device)
        return prompts.map {
            Transformer.Input(
                latents: conditions.latents, references: conditions.references, prompt: $0, timestep: 0,
                guidance: config.guidanceEmbeds ? Float(conditions.request.guidanceScale ?? 1) : nil, rotary: rotary)
        }
    }

    func references(of request: GenerationRequest) -> [ImageReference] {
        request.images.map {
            let size = ReferenceSize(
                width: $0.pixels.width, height: $0.pixels.height, granularity: parts.granularity)
            return ImageReference($0, resizedTo: OutputSize(height: size.height, width: size.width), keeping: size.crop)
        }
    }

    /// How far an image's size and the number of steps shift the noise levels: lines through measured points.
    ///
    /// - Parameters:
    ///   - tokens: of the image
    ///   - steps: how many
    /// - Returns: `mu` for the schedule
    // Source: diffusers 0.42.1, pipelines/flux2/pipeline_flux2.py, `compute_empirical_mu`.
    package static func empiricalMu(tokens: Int, steps: Int) -> Double {
        let atMost = 0.00016927 * Double(tokens) + 0.45666666
        if tokens > 4300 { return atMost }
        let atLeast = 8.73809524e-05 * Double(tokens) + 1.89833333
        // The first line is for 200 steps, the second for 10.
        let slope = (atMost - atLeast) / 190
        return slope * Double(steps) + (atMost - 200 * slope)
    }
}

extension Flux2.Transformer: ImageTransformer {}
extension Flux2.Transformer.Input: ImageInput {}
