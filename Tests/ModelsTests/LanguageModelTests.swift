import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// One of the tiny language models, whatever its config's class.
struct TinyLanguageModel: Sendable, CustomTestStringConvertible {
    let name: String
    private let make: @Sendable (TinyModel, ComputePlan, Int?) throws -> LanguageModel
    private let bytes: @Sendable (TinyModel, Int) throws -> Int
    private let keys: @Sendable (TinyModel, Int) throws -> [String]

    private init<Config: LanguageModelConfig>(_ name: String, _ config: Config.Type) {
        self.name = name
        make = { model, plan, depth in
            try model.module("text_encoder", plan: plan) { (weights, config: Config) in
                try LanguageModel(weights, config, depth: depth)
            }
        }
        bytes = { model, tokens in
            try model.config("text_encoder", as: Config.self)
                .activationBytes(texts: 3, tokens: tokens, states: 3, .float32).count
        }
        keys = { model, depth in
            let stored = try CheckpointWeights(folder: "\(model.path)/text_encoder").keys
            let listing = WeightListing(of: Set(stored))
            _ = try LanguageModel(Weights(listing), model.config("text_encoder", as: Config.self), depth: depth)
            #expect(listing.surplus(of: stored).unknown.isEmpty)
            return listing.entries.map(\.key)
        }
    }

    static let all = [
        TinyLanguageModel("mistral3", MistralTextConfig.self), TinyLanguageModel("qwen2.5-vl", Qwen25VLTextConfig.self),
        TinyLanguageModel("qwen3", Qwen3Config.self), TinyLanguageModel("qwen3-window", Qwen3Config.self),
        TinyLanguageModel("qwen3-vl", Qwen3Config.self), TinyLanguageModel("gemma3", Gemma3TextConfig.self),
    ]
    static let layers = 3

    var testDescription: String { name }
    var model: TinyModel { TinyModel("language-\(name)") }
    var golden: Golden { get throws { try Golden("language/\(name)") } }

    func callAsFunction(_ dtype: DType = .float32, depth: Int? = nil) throws -> LanguageModel {
        try make(model, ComputePlan(dtype: dtype), depth)
    }

    /// What it reads, if so many layers are needed.
    func keys(depth: Int) throws -> [String] { try keys(model, depth) }

    func activationBytes(tokens: Int) throws -> Int { try bytes(model, tokens) }
}

@DeviceActor @Suite struct LanguageModelTests {
    @Test(arguments: TinyLanguageModel.all)
    func agreesWithTheReferenceLayerByLayer(_ tiny: TinyLanguageModel) throws {
        let golden = try tiny.golden
        let numbers = Array(0...TinyLanguageModel.layers)
        let (ids, mask) = (try golden.tensor("input_ids").rows, try golden.tensor("attention_mask").rows)
        for (number, state) in zip(numbers, try tiny()(ids, mask: mask, states: numbers)) {
            let distance = try state.distance(to: golden.tensor("state.\(number)"))
            #expect(distance <= 1e-5)
        }
    }

    @Test(arguments: TinyLanguageModel.all)
    func isNearerToFloat32ThanTheReferenceInBFloat16(_ tiny: TinyLanguageModel) throws {
        let golden = try tiny.golden
        let exact = try golden.tensor("state.\(TinyLanguageModel.layers)")
        let (ids, mask) = (try golden.tensor("input_ids").rows, try golden.tensor("attention_mask").rows)
        let state = try tiny(.bfloat16)(ids, mask: mask, states: [TinyLanguageModel.layers])[0]
        let theirs = try golden.tensor("bfloat16").onDevice().to(.float32)
        let (ours, limit) = (try error(state, exact.onDevice()), try error(theirs, exact.onDevice()))
        #expect(ours < limit, "\(tiny.name): \(ours), the reference \(limit)")
        #expect(ours > 1e-4)
    }

    /// The root of the mean square of the difference.
    private func error(_ one: Tensor, _ other: Tensor) throws -> Float {
        let differences = try zip(one.floats(), other.to(.float32).floats()).map { $0 - $1 }
        return (differences.reduce(0) { $0 + $1 * $1 } / Float(differences.count)).squareRoot()
    }

    @Test(arguments: TinyLanguageModel.all.filter { $0.name.hasSuffix("vl") })
    func turnsByTimeRowAndColumn(_ tiny: TinyLanguageModel) throws {
        let golden = try tiny.golden
        let positions = try golden.tensor("positions").rows.map { $0.map(Int.init) }
        let embedded = try golden.tensor("embedded").onDevice()
        let numbers = Array(0...TinyLanguageModel.layers)
        for (number, state) in zip(numbers, try tiny()(embedded, positions: positions, states: numbers)) {
            let distance = try state.distance(to: golden.tensor("placed.\(number)"))
            #expect(distance <= 1e-5)
        }
    }

    /// Weights of layers that nobody asks for are not read, and their states are those of the whole model.
    @Test(arguments: TinyLanguageModel.all, [0, 1, 2])
    func stopsAtTheLastLayerThatIsAskedFor(_ tiny: TinyLanguageModel, _ depth: Int) throws {
        let ids: [[Int32]] = [[20, 30, 40, 50, 60, 70, 80]]
        let (whole, part) = (try tiny(), try tiny(depth: depth))
        #expect(whole.depth == 3 && part.depth == depth)
        let (expected, found) = (try whole(ids, states: [depth])[0], try part(ids, states: [depth])[0])
        #expect(try found.distance(to: expected) == 0)
        let keys = try tiny.keys(depth: depth)
        for layer in 0..<TinyLanguageModel.layers {
            #expect(keys.contains { $0.contains("layers.\(layer).") } == (layer < depth))
        }
        #expect(!keys.contains { $0.hasSuffix("model.norm.weight") })
    }

    @Test(arguments: TinyLanguageModel.all) func doesNotSeeWhatComesLater(_ tiny: TinyLanguageModel) throws {
        let model = try tiny()
        let state = try model([[20, 30, 40, 50], [20, 30, 41, 50]], states: [3])[0]
        let (first, second) = try (state.slice(0..<1, axis: 0), state.slice(1..<2, axis: 0))
        #expect(try first.slice(0..<2, axis: 1).distance(to: second.slice(0..<2, axis: 1)) <= 1e-6)
        #expect(try first.slice(2..<4, axis: 1).distance(to: second.slice(2..<4, axis: 1)) > 1e-3)
    }

    /// Padding after a text changes none of its tokens.
    @Test(arguments: TinyLanguageModel.all) func encodesAPaddedTextAsIfAlone(_ tiny: TinyLanguageModel) throws {
        let model = try tiny()
        let padded = try model(
            [[20, 30, 40, 3, 3], [50, 60, 70, 80, 20]], mask: [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]], states: [3])[0]
        let alone = try model([[20, 30, 40]], states: [3])[0]
        #expect(try padded.slice(0..<1, axis: 0).slice(0..<3, axis: 1).distance(to: alone) <= 1e-5)
    }

    @Test(arguments: TinyLanguageModel.all) func givesStatesInTheOrderAskedFor(_ tiny: TinyLanguageModel) throws {
        let model = try tiny()
        let ids: [[Int32]] = [[20, 30, 40]]
        let states = try model(ids, states: [2, 0, 2])
        #expect(states.count == 3)
        #expect(try states[1].distance(to: model.embedded(ids)) == 0)
        #expect(try states[0].distance(to: states[2]) == 0)
    }

    @Test(arguments: TinyLanguageModel.all) func forecastsMoreMemoryForMoreTokens(_ tiny: TinyLanguageModel) throws {
        #expect(try tiny.activationBytes(tokens: 512) > 8 * tiny.activationBytes(tokens: 64))
    }
}
