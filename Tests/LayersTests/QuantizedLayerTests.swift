import Layers
import Tensors
import TestKit
import Testing

/// Layers of the checkpoints that ModelOpt exported, against what their bytes stand for in 64 bits.
@DeviceActor @Suite struct QuantizedLayerTests {
    /// One output of a golden.
    struct Case: CustomTestStringConvertible, Sendable {
        let golden, layer, dimensions, mode: String
        var key: String { "layers.\(layer).\(dimensions).\(mode)" }
        var testDescription: String { "\(golden) \(layer) \(dimensions) \(mode)" }
    }

    nonisolated static let cases = QuantisedGolden.names.flatMap { golden in
        ((try? Golden("quantised/\(golden)").names) ?? []).compactMap { name -> Case? in
            let parts = name.split(separator: ".")
            guard parts.first == "layers", parts[1] != "input", let mode = parts.last, mode != "simulated" else {
                return nil
            }
            return Case(
                golden: golden, layer: parts[1..<parts.count - 2].joined(separator: "."),
                dimensions: String(parts[parts.count - 2]), mode: String(mode))
        }
    }

    private func layer(_ name: String, of checkpoint: String, dynamic: Bool, dtype: DType = .float32) throws -> Linear {
        let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: checkpoint))
        let view = Weights(source, ComputeContext(try plan(checkpoint, name, dynamic, dtype)))
        let bias = source.contains("\(name).bias")
        return try Linear(view[name], from: width(name, source), to: height(name, source), bias: bias)
    }

    private func height(_ name: String, _ source: CheckpointWeights) throws -> Int {
        try #require(source.checkpoint["\(name).weight"]?.entry.shape.first)
    }

    private func width(_ name: String, _ source: CheckpointWeights) throws -> Int {
        let entry = try #require(source.checkpoint["\(name).weight"]?.entry)
        return entry.shape[1] * (entry.dtype == .uint8 ? 2 : 1)
    }

    private func plan(_ checkpoint: String, _ name: String, _ dynamic: Bool, _ dtype: DType) throws -> ComputePlan {
        guard dynamic else { return ComputePlan(dtype: dtype) }
        let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: checkpoint))
        let listing = WeightListing()
        _ = try Linear(
            Weights(listing, ComputeContext(ComputePlan()))[name], from: width(name, source), to: height(name, source))
        let stored = try source.storedQuantization(of: listing.linears[0])
        return ComputePlan(dtype: dtype, quantization: stored.map { QuantizationPlan($0.algorithm) })
    }

    @Test func hasCasesOfEveryMode() {
        #expect(Set(Self.cases.map(\.mode)) == ["static", "dynamic", "token", "block", "weights"])
        #expect(Set(Self.cases.map(\.golden)).count == 14)
    }

    @Test(arguments: cases) func agreesWithExactArithmetic(_ test: Case) throws {
        let golden = try Golden("quantised/\(test.golden)")
        let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: test.golden))
        let width = try width(test.layer, source)
        var x = try golden.tensor("layers.input.\(width).\(test.dimensions)").onDevice().to(.float32)
        let expected = try golden.tensor(test.key)
        // The reference has one scale for a whole call.
        x = try x.reshaped(1, -1, width)
        let found: Tensor
        if test.mode == "weights", test.golden.contains("nvfp4") || test.golden.contains("mixed") {
            // Of weights alone, as a device without such products would have them.
            let weight = try weight(test.layer, of: test.golden).dequantized(as: .float32)
            let key = "\(test.layer).bias"
            let bias = try source.contains(key) ? source.tensor(key, shape: [weight.size(0)], plan: ComputePlan()) : nil
            found = try linear(x, weight: weight, bias: bias)
        } else {
            let isDynamic = ["dynamic", "token", "block"].contains(test.mode)
            found = try layer(test.layer, of: test.golden, dynamic: isDynamic)(x)
        }
        let distance = try found.reshaped(expected.shape).distance(to: expected)
        // Numbers of 16 bits lie in the middle between two quantised ones often enough: 64 bits and 32 then round apart.
        let isOf16Bits = try golden.tensor("layers.input.\(width).\(test.dimensions)").dtype == .bfloat16
        if isOf16Bits, distance > 5e-6 {
            #expect(test.mode != "weights")
            #expect(try found.relativeFrobenius(to: expected.doubles) <= 1e-2, "\(test.key)")
        } else {
            #expect(distance <= 5e-6)
        }
    }

    private func weight(_ name: String, of checkpoint: String) throws -> QuantizedWeight {
        let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: checkpoint))
        let listing = WeightListing()
        _ = try Linear(
            Weights(listing, ComputeContext(ComputePlan()))[name], from: width(name, source), to: height(name, source),
            bias: source.contains("\(name).bias"))
        let kernel = try source.linear(listing.linears[0], plan: ComputePlan()) as? QuantizedLinear
        return try #require(kernel).weight
    }

    /// Without any scale in a checkpoint, numbers of 8 bits are numbers like others, and may be quantised.
    @Test func takesNumbersOf8BitsWithoutScalesAsTheyAre() throws {
        let bytes = (0..<UInt8(64)).map { $0 ^ 0x28 }
        let weights = try TinyWeights([.init(name: "a.weight", dtype: .float8E4M3, shape: [2, 32], bytes: bytes)])
        let x = try Generator(seed: 5).normal([1, 3, 32])
        let plain = try Linear(weights.view()["a"], from: 32, to: 2, bias: false)(x)
        let weight = try weights.source().tensor("a.weight", shape: [2, 32], plan: ComputePlan())
        #expect(try plain.floats() == linear(x, weight: weight, bias: nil).floats())
        for algorithm in QuantAlgorithm.allCases {
            let plan = ComputePlan(quantization: QuantizationPlan(algorithm))
            let quantized = try Linear(weights.view(plan)["a"], from: 32, to: 2, bias: false)(x)
            #expect(try quantized.relativeFrobenius(to: plain.floats().map(Double.init)) < 0.3)
            #expect(try quantized.floats() != plain.floats())
        }
    }

    /// In 16 bits the inputs and the sums round: less than the layer's own quantising.
    @Test(arguments: cases.filter { $0.mode != "weights" && $0.dimensions == "3d" })
    func agreesIn16Bits(_ test: Case) throws {
        let golden = try Golden("quantised/\(test.golden)")
        let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: test.golden))
        let width = try width(test.layer, source)
        let x = try golden.tensor("layers.input.\(width).3d").onDevice().to(.bfloat16).reshaped(1, -1, width)
        let expected = try golden.tensor(test.key)
        let found = try layer(test.layer, of: test.golden, dynamic: test.mode != "static", dtype: .bfloat16)(x)
        #expect(found.dtype == .bfloat16)
        let relative = try found.relativeFrobenius(to: expected.doubles)
        #expect(relative <= (test.golden.contains("nvfp4") ? 0.08 : 0.03), "\(test.key) \(relative)")
    }
}

extension Tensor {
    /// The length of the difference to numbers, over theirs.
    func relativeFrobenius(to exact: [Double]) throws -> Double {
        let found = try to(.float32).floats().map(Double.init)
        let differences = zip(found, exact).map { ($0 - $1) * ($0 - $1) }.reduce(0, +)
        return (differences / exact.map { $0 * $0 }.reduce(0, +)).squareRoot()
    }
}
