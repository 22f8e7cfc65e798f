import Foundation
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct RandomTests {
    private let golden: Golden

    init() throws { golden = try Golden("randn") }

    // Not in 16 bits: there LibTorch 2.11 draws other numbers than torch 2.13, which made the goldens. Models never
    // see such draws, since noise is drawn in 32 bits for every type.
    private static let prefixes = ["float32.", "float64."]

    private var names: [String] {
        golden.names.filter { name in Self.prefixes.contains { name.hasPrefix($0) } }
    }

    /// Every draw of one seed in one go: `<dtype>.seed<seed>.<count>`.
    @Test func drawsTorchsOwnNumbers() throws {
        for name in names where !name.contains("sequence") {
            let parts = name.split(separator: ".").map(String.init)
            let draw = try golden.tensor(name)
            let generator = try Generator(seed: Self.seed(parts[1]))
            try expectEqual(generator.normal(draw.shape, Self.dtype(parts[0])), draw)
        }
    }

    /// Draws one after another from one generator: `<dtype>.seed<seed>.sequence.<number>-<count>`.
    @Test func goesOnWhereTheDrawBeforeEnded() throws {
        let names = names.filter { $0.contains(".sequence.") }
        let sequences = Dictionary(grouping: names) { $0.components(separatedBy: ".sequence.")[0] }
        #expect(!sequences.isEmpty)
        for (start, names) in sequences {
            let parts = start.split(separator: ".").map(String.init)
            let generator = try Generator(seed: Self.seed(parts[1]))
            for name in names.sorted(by: { Self.number($0) < Self.number($1) }) {
                let draw = try golden.tensor(name)
                try expectEqual(generator.normal(draw.shape, Self.dtype(parts[0])), draw)
            }
        }
    }

    @Test func drawsABatchFromAListOfGenerators() throws {
        let generators = try [Generator(seed: 1), Generator(seed: 2)]
        for name in ["list.seeds1,2.draw0", "list.seeds1,2.draw1"] {
            let draws = try generators.map { try $0.normal([1, 3, 5]) }
            try expectEqual(concatenate(draws, axis: 0), golden.tensor(name))
        }
    }

    @Test func drawsTheSameAgainFromTheSameSeed() throws {
        let draws = try [7, 7, 8].map { try Generator(seed: $0).normal([64]).floats() }
        #expect(draws[0] == draws[1])
        #expect(draws[0] != draws[2])
    }

    /// A large draw has the distribution's mean, variance and share within one deviation.
    @Test func drawsFromTheNormalDistribution() throws {
        let values = try Generator(seed: 5).normal([100_000]).doubles()
        let count = Double(values.count)
        #expect(abs(values.reduce(0, +) / count) < 0.01)
        #expect(abs(values.map { $0 * $0 }.reduce(0, +) / count - 1) < 0.02)
        #expect(abs(Double(values.filter { abs($0) < 1 }.count) / count - 0.6827) < 0.005)
    }

    private func expectEqual(_ found: Tensor, _ draw: GoldenTensor) throws {
        let distance = try found.distance(to: draw)
        let isSameProcessor = golden.cpuCapability == ThreadSettings.cpuCapability
        // Numbers of 64 bits come to the test in two parts, which lack their last bits.
        let exact = found.dtype == .float64 ? 4e-15 : 0
        #expect(distance <= (isSameProcessor ? exact : 2e-6))
    }

    private static func dtype(_ name: String) throws -> DType { try #require(DType(rawValue: name)) }

    private static func seed(_ text: String) throws -> UInt64 {
        let digits = text.dropFirst("seed".count)
        return try UInt64(digits) ?? UInt64(bitPattern: #require(Int64(digits)))
    }

    private static func number(_ name: String) -> Int {
        Int(name.components(separatedBy: ".sequence.")[1].split(separator: "-")[0]) ?? 0
    }
}
