internal import Diffusion

extension LTX2 {
    /// How a request's predictions of video and sound are steered by others.
    struct StreamGuidance {
        /// Of the video, and of the sound; both have the same branches.
        let streams: [Guidance]
        /// The blocks whose tokens do not attend to their stream in the perturbed branch.
        let perturbedBlocks: Set<Int>
        private let skippedSteps: Int

        /// What the guidance of the sound is at least, where there is any and a request does not say.
        private static let leastOfSound = 7.0

        /// - Parameters:
        ///   - request: a resolved request
        ///   - config: of the transformer
        // Source: diffusers 0.42.1, pipelines/ltx2/pipeline_ltx2.py.
        init(_ request: GenerationRequest, _ config: TransformerConfig) {
            func number(_ name: String) -> Double? { request.extra[name]?.number }
            // As in the reference, what is 0 for the sound is that of the video.
            func sound(_ name: String) -> Double? { number("audio_\(name)").flatMap { $0 == 0 ? nil : $0 } }
            let scale = request.guidanceScale ?? 1
            let scales = [
                scale, sound("guidance_scale") ?? (scale > 1 ? max(scale, Self.leastOfSound) : scale),
            ]
            let perturbations = Self.both(number("stg_scale") ?? 0, sound("stg_scale"))
            let modalities = Self.both(number("modality_scale") ?? 1, sound("modality_scale"))
            let rescales = Self.both(
                number("guidance_rescale") ?? number("rescale_scale") ?? 0, sound("guidance_rescale"))
            let isGuided = scales.contains { $0 > 1 }
            // Models that were made without compute the same with and without.
            let isPerturbed = config.perturbedAttn && perturbations.contains { $0 > 0 }
            let isIsolated = modalities.contains { $0 > 1 }
            streams = (0..<2).map { number in
                Guidance(
                    negative: isGuided ? scales[number] : nil, perturbed: isPerturbed ? perturbations[number] : nil,
                    isolated: isIsolated ? modalities[number] - 1 : nil, in: .denoised, rescale: rescales[number])
            }
            let blocks = request.extra["spatio_temporal_guidance_blocks"] ?? request.extra["stg_blocks"]
            perturbedBlocks = Set(blocks?.items.compactMap { $0.number.map { Int($0) } } ?? [])
            skippedSteps = number("guidance_skip_step").map { Int($0) } ?? 0
        }

        /// No guidance.
        init() { (streams, perturbedBlocks, skippedSteps) = ([Guidance(), Guidance()], [], 0) }

        /// Whether a step is guided, or follows the prompt alone.
        func guides(_ step: Int) -> Bool { step % (skippedSteps + 1) == 0 }

        private static func both(_ video: Double, _ sound: Double?) -> [Double] { [video, sound ?? video] }
    }
}
