import Foundation
import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct RotaryEmbeddingTests {
    private let positions: [[Double]] = [[0, 0, 0], [0, 3, 1], [2, 700, 4095]]
    private let widths = [4, 2, 8]

    @Test func followsTheFormula() throws {
        let tables = try RotaryEmbedding(positions: positions, widths: widths, base: 10000, on: .cpu)
        var angles: [Double] = []
        for position in positions {
            for (coordinate, width) in zip(position, widths) {
                for pair in 0..<width / 2 { angles.append(coordinate * pow(10000, -2 * Double(pair) / Double(width))) }
            }
        }
        #expect(tables.cosine.shape == [3, 7])
        #expect(tables.cosine.dtype == .float32)
        #expect(try tables.cosine.distance(to: angles.map { cos($0) }, "cosine") <= 1e-6)
        #expect(try tables.sine.distance(to: angles.map { sin($0) }, "sine") <= 1e-6)
    }

    @Test func turnsNothingAtTheOrigin() throws {
        let tables = try RotaryEmbedding(positions: [[0, 0]], widths: [4, 4], base: 10000, on: .cpu)
        #expect(try tables.cosine.floats() == [1, 1, 1, 1])
        #expect(try tables.sine.floats() == [0, 0, 0, 0])
    }

    @Test func keepsTheLengthOfEveryPair() throws {
        let norm = try RMSNorm(
            TinyWeights([.init(name: "weight", shape: [14], floats: .init(repeating: 1, count: 14))]).view(), size: 14,
            epsilon: 1e-6)
        let x = try Generator(seed: 3).normal([2, 3, 2, 14])
        let tables = try RotaryEmbedding(positions: positions, widths: widths, base: 10000, on: .cpu)
        let (before, after) = try (norm(x), tables.applied(to: x, after: norm))
        let lengths = try [before, after].map { try ($0 * $0).reshaped(-1, 2).sum(over: 1) }
        #expect(try lengths[1].distance(to: lengths[0]) <= 1e-5)
    }

    /// Attention must see only how far apart two tokens are.
    @Test(arguments: [1.0, 17, 500]) func dependsOnlyOnDistances(_ shift: Double) throws {
        let norm = try RMSNorm(TinyWeights(["weight": [8]]).view(), size: 8, epsilon: 1e-6)
        let (query, key) = try (Generator(seed: 1).normal([1, 1, 1, 8]), Generator(seed: 2).normal([1, 1, 1, 8]))
        let scores = try [0, shift].map { offset in
            let (a, b) = try (
                RotaryEmbedding(positions: [[offset + 5]], widths: [8], base: 10000, on: .cpu),
                RotaryEmbedding(positions: [[offset + 2]], widths: [8], base: 10000, on: .cpu)
            )
            return try (a.applied(to: query, after: norm) * b.applied(to: key, after: norm)).sum(over: 3)
        }
        #expect(try scores[1].distance(to: scores[0]) <= 1e-4)
    }
}

@DeviceActor @Suite struct TimestepTests {
    @Test(arguments: [2, 8, 256]) func followsTheFormula(_ width: Int) throws {
        let timesteps: [Float] = [0, 0.5, 1, 250.25, 1000]
        let sinusoids = try timestepSinusoids(timesteps, width: width, on: .cpu)
        var expected: [Double] = []
        for timestep in timesteps {
            var angles: [Double] = []
            for index in 0..<width / 2 {
                angles.append(Double(timestep) * pow(10000, -Double(index) / Double(width / 2)))
            }
            expected += angles.map { cos($0) } + angles.map { sin($0) }
        }
        #expect(sinusoids.shape == [5, width])
        #expect(sinusoids.dtype == .float32)
        // The angles themselves are 32-bit floats of up to 1000, whose last place is 6e-5.
        #expect(try sinusoids.distance(to: expected) <= 7e-5)
    }

    @Test func embedsThroughTwoLayers() throws {
        let weights = try TinyWeights([
            "linear_1.weight": [2, 3], "linear_1.bias": [2], "linear_2.weight": [2, 2], "linear_2.bias": [2],
        ]).view()
        let x = try Tensor([0.1, -0.2, 0.05] as [Float], shape: [1, 3])
        let hidden = try silu(Linear(weights["linear_1"], from: 3, to: 2)(x))
        let expected = try Linear(weights["linear_2"], from: 2, to: 2)(hidden)
        #expect(try TimestepEmbedding(weights, from: 3, to: 2)(x).distance(to: expected) == 0)
    }
}
