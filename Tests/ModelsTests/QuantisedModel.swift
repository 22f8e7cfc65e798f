import Diffusion
import Layers
import Models
import Tensors
import TestKit

/// A transformer of `checkpoints/quantised`, and the inputs of its golden.
@DeviceActor struct QuantisedModel {
    let name: String
    let golden: Golden
    let plan: ComputePlan
    private let folder: String

    /// - Parameters:
    ///   - name: of the transformer
    ///   - golden: of its inputs and outputs
    ///   - plan: how it computes
    ///   - folder: where it lies, if it is a changed one
    init(_ name: String, _ golden: String, _ plan: ComputePlan = ComputePlan(), folder: String? = nil) throws {
        (self.name, self.plan) = (name, plan)
        self.folder = folder ?? QuantisedGolden.folder(of: name)
        self.golden = try Golden("quantised/\(golden)")
    }

    /// The golden's algorithm of most layers.
    static func algorithm(of name: String) -> QuantAlgorithm {
        switch name {
        case _ where name.contains("rows"): .fp8Rows
        case _ where name.contains("blocks"): .fp8Blocks
        case _ where name.contains("int8"): .int8
        case _ where name.contains("nvfp4"): .nvfp4
        default: .fp8
        }
    }

    /// What the transformer makes of each item of the golden's batch.
    func outputs() throws -> [Tensor] {
        let count = try golden.tensor("input.hidden_states").shape[0]
        switch name {
        case _ where name.hasPrefix("flux1"):
            let (transformer, config) = try load(Flux1.Transformer.init)
            let rotary = try positions(config.axesDimsRope, base: 10000)
            return try (0..<count).map { item in
                try transformer(
                    Flux1.Transformer.Input(
                        latents: one("hidden_states", item), prompt: one("encoder_hidden_states", item),
                        pooledPrompt: one("pooled_projections", item), timestep: number("timestep", item) * 1000,
                        guidance: number("guidance", item), rotary: rotary))
            }
        case _ where name.hasPrefix("flux2"):
            let (transformer, config) = try load(Flux2.Transformer.init)
            let rotary = try positions(config.axesDimsRope, base: config.ropeTheta)
            return try (0..<count).map { item in
                try transformer(
                    Flux2.Transformer.Input(
                        latents: one("hidden_states", item), prompt: one("encoder_hidden_states", item),
                        timestep: number("timestep", item) * 1000, guidance: number("guidance", item), rotary: rotary))
            }
        case _ where name.hasPrefix("qwen"):
            let (transformer, config) = try load(QwenImage.Transformer.init)
            let text = try golden.tensor("input.encoder_hidden_states").shape[1]
            let rotary = try config.rotary(textTokens: text, [PatchGrid([1, 4, 3], patch: [1, 1, 1])], on: .cpu)
            return try (0..<count).map { item in
                try transformer(
                    QwenImage.Transformer.Input(
                        latents: one("hidden_states", item), prompt: one("encoder_hidden_states", item), textMask: nil,
                        timestep: number("timestep", item), rotary: rotary))
            }
        case _ where name.hasPrefix("ltx2"):
            let transformer = try load(LTX2.Transformer.init).0
            return try (0..<count).map { item in
                let time = try number("timestep", item)
                let input = try LTX2.Transformer.Input(
                    video: one("hidden_states", item), audio: one("audio_hidden_states", item),
                    videoText: one("encoder_hidden_states", item), audioText: one("audio_encoder_hidden_states", item),
                    size: [2, 3, 2], rate: 24, timesteps: [time], timestep: time)
                let predictions = try BlockRunner(transformer).predict(input)
                return try concatenate(predictions.map { try $0.reshaped(1, -1) }, axis: 1)
            }
        default:
            let (transformer, config) = try load(Wan.Transformer.init)
            let latents = try one("hidden_states", 0)
            return [
                try transformer(
                    Wan.Transformer.Input(
                        latents: latents, prompt: one("encoder_hidden_states", 0), image: nil,
                        timesteps: [number("timestep", 0)],
                        rotary: config.grid(latents).rotary(widths: config.rotaryWidths, on: .cpu)))
            ]
        }
    }

    private func load<Config: ModelConfig, Module>(_ make: (Weights, Config) throws -> Module) throws -> (
        Module, Config
    ) {
        let config = try Config.read("\(folder)/config.json", besides: [CheckpointWeights.quantizationKey]).0
        let weights = Weights(try CheckpointWeights(folder: folder), plan: plan)
        let module = try make(weights, config)
        try weights.requireAllRead()
        return (module, config)
    }

    private func one(_ name: String, _ item: Int) throws -> Tensor {
        try golden.tensor("input.\(name)").onDevice().slice(item..<item + 1, axis: 0).to(plan.dtype)
    }

    private func number(_ name: String, _ item: Int) throws -> Float { try golden.tensor("input.\(name)").floats[item] }

    private func positions(_ widths: [Int], base: Double) throws -> RotaryEmbedding {
        let positions = try ["txt_ids", "img_ids"].flatMap { name in
            try golden.tensor("input.\(name)").rows.map { $0.map(Double.init) }
        }
        return try RotaryEmbedding(positions: positions, widths: widths, base: base, on: .cpu)
    }

    /// How far the outputs are from the golden's: the length of the difference over the golden's.
    func distance(to mode: String) throws -> Double {
        let expected = try golden.tensor("output.\(mode)").doubles
        let found = try outputs().flatMap { try $0.to(.float32).floats().map(Double.init) }
        guard found.count == expected.count else { return .infinity }
        return Self.distance(found, to: expected)
    }

    nonisolated static func distance(_ found: [Double], to expected: [Double]) -> Double {
        let differences = zip(found, expected).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
        return (differences / expected.map { $0 * $0 }.reduce(0, +)).squareRoot()
    }
}
