import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct ModuleTests {
    /// Each module must ask for exactly the names and shapes that checkpoints have for it.
    @Test func asksForTheNamesThatCheckpointsHave() throws {
        let listing = WeightListing()
        let weights = Weights(listing)
        _ = try Linear(weights["linear"], from: 3, to: 2)
        _ = try Linear(weights["unbiased"], from: 3, to: 2, bias: false)
        _ = try LayerNorm(weights["layer_norm"], size: 4, epsilon: 1e-5)
        _ = try RMSNorm(weights["rms_norm"], size: 4, epsilon: 1e-5)
        _ = try GroupNorm(weights["group_norm"], groups: 2, channels: 6, epsilon: 1e-5)
        _ = try Embedding(weights["embedding"], count: 9, width: 4)
        _ = try Convolution2D(weights["convolution"], from: 3, to: 8, kernel: 3)
        _ = try TimestepEmbedding(weights["timestep"], from: 16, to: 4)
        let expected: [(String, [Int])] = [
            ("linear.weight", [2, 3]), ("linear.bias", [2]), ("unbiased.weight", [2, 3]),
            ("layer_norm.weight", [4]), ("layer_norm.bias", [4]), ("rms_norm.weight", [4]),
            ("group_norm.weight", [6]), ("group_norm.bias", [6]), ("embedding.weight", [9, 4]),
            ("convolution.weight", [8, 3, 3, 3]), ("convolution.bias", [8]),
            ("timestep.linear_1.weight", [4, 16]), ("timestep.linear_1.bias", [4]),
            ("timestep.linear_2.weight", [4, 4]), ("timestep.linear_2.bias", [4]),
        ]
        #expect(listing.entries.map(\.key) == expected.map(\.0))
        #expect(listing.entries.map(\.shape) == expected.map(\.1))
    }

    @Test func computesWhatItsOperationComputes() throws {
        let source = try TinyWeights([
            "l.weight": [2, 3], "l.bias": [2], "n.weight": [3], "n.bias": [3], "e.weight": [4, 3],
            "c.weight": [2, 1, 3, 3], "c.bias": [2],
        ])
        let weights = try source.view()
        let x = try Tensor([1, -2, 0.5] as [Float], shape: [1, 3])
        // 1 - 4 + 1.5 + 1 and 4 - 10 + 3 + 2.
        #expect(try Linear(weights["l"], from: 3, to: 2)(x).floats() == [-0.5, -1])
        let norm = try LayerNorm(weights["n"], size: 3, epsilon: 1e-5)
        let expected = try layerNorm(
            x, weight: weights["n"].tensor("weight", 3), bias: weights["n"].tensor("bias", 3), epsilon: 1e-5)
        #expect(try norm(x).distance(to: expected) == 0)
        let rows = try Embedding(weights["e"], count: 4, width: 3)(Tensor([3, 0] as [Int32], shape: [2]))
        #expect(try rows.floats() == [10, 11, 12, 1, 2, 3])
        let image = try Convolution2D(weights["c"], from: 1, to: 2, kernel: 3, stride: 2, padding: 1)(
            .full(1, [1, 1, 4, 4]))
        #expect(image.shape == [1, 2, 2, 2])
        #expect(try image.floats()[3] == 46)
    }

    @Test func splitsAndMergesHeads() throws {
        let x = try Generator(seed: 1).normal([2, 5, 12])
        let heads = try x.splitHeads(3)
        #expect(heads.shape == [2, 3, 5, 4])
        #expect(try heads.select(1, axis: 1).floats() == x.slice(4..<8, axis: 2).floats())
        #expect(try heads.mergeHeads().floats() == x.floats())
    }

    @Test(arguments: [
        ("silu", 0.7310585786300049), ("gelu", 0.8413447460685429), ("relu", 1), ("gelu_new", 0.8411919906082768),
        ("gelu_pytorch_tanh", 0.8411919906082768), ("quick_gelu", 0.8457957659328212),
    ])
    func knowsActivationsByTheNamesOfConfigs(_ name: String, _ ofOne: Double) throws {
        let activation = try #require(Activation(rawValue: name))
        #expect(try activation(.full(1, [1])).distance(to: [ofOne]) <= 1e-6)
        #expect(try activation(.full(0, [1])).floats() == [0])
    }
}
