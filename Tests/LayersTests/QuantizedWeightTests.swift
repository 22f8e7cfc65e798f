import Layers
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct QuantizedWeightTests {
    nonisolated static let cases = names("weight") { $0.count(where: { $0 == "." }) == 1 }

    nonisolated private static func names(_ end: String, where isOne: (String) -> Bool) -> [String] {
        let names = (try? Golden("quantised/weights").names) ?? []
        return names.filter { $0.hasSuffix(".\(end)") && isOne($0) }.map { String($0.dropLast(end.count + 1)) }
    }

    private let golden: Golden

    init() throws { golden = try Golden("quantised/weights") }

    private func weight(_ name: String) throws -> Tensor { try golden.tensor("\(name).weight").onDevice() }

    /// The largest magnitude of the weights that share a case's last scale.
    private func largest(_ name: String) throws -> Float {
        let sharing = ["q", "k", "v"].contains(name) ? ["q", "k", "v"] : [name]
        return try sharing.map { try largestMagnitude(weight($0)) }.max() ?? 0
    }

    @Test func hasEveryCase() { #expect(Self.cases.count == 15) }

    @Test(arguments: cases, QuantAlgorithm.allCases)
    func isTheReferencesBitForBit(_ name: String, _ algorithm: QuantAlgorithm) throws {
        let key = "\(name).\(algorithm.rawValue)"
        guard golden.contains("\(key).weight") else {
            // Rows that cannot be cut into groups.
            let width = try weight(name).size(1)
            #expect(algorithm == .nvfp4 && !width.isMultiple(of: 16))
            return
        }
        let quantized = try QuantizedWeight(weight(name), algorithm, largest: largest(name))
        try expectSame(quantized.codes, "\(key).weight")
        try expectSame(quantized.scales, "\(key).weight_scale")
        if algorithm == .nvfp4 {
            let scales = try golden.tensor("\(key).weight_scale_2").floats
            #expect(scales.map(\.bitPattern) == [Float(quantized.scale).bitPattern])
        } else {
            #expect(quantized.scale == 1)
        }
    }

    /// The bits of numbers, which all types here have in 32-bit floats.
    private func expectSame(_ found: Tensor, _ name: String) throws {
        let expected = try golden.tensor(name).onDevice()
        #expect(found.dtype == expected.dtype && found.count == expected.count)
        let bits = try [found, expected].map { try $0.to(.float32).floats().map(\.bitPattern) }
        #expect(bits[0] == bits[1], "\(name)")
    }

    @Test(arguments: cases, QuantAlgorithm.allCases)
    func isWhatItsCodesStandFor(_ name: String, _ algorithm: QuantAlgorithm) throws {
        let weight = try weight(name)
        if algorithm == .nvfp4, !weight.size(1).isMultiple(of: 16) { return }
        let quantized = try QuantizedWeight(weight, algorithm, largest: largestMagnitude(weight))
        let (found, columns) = (try quantized.dequantized(as: .float32), weight.size(1))
        let (scales, across) = (try quantized.scales.to(.float32).floats(), quantized.scales.size(1))
        let down = quantized.scales.size(0)
        let values: [Float] = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
        let codes: [Float]
        if algorithm == .nvfp4 {
            let halves: [UInt8] = try quantized.codes.bytes().flatMap { [$0 & 15, $0 >> 4] }
            codes = halves.map { half in half & 8 == 0 ? values[Int(half)] : -values[Int(half & 7)] }
        } else {
            codes = try quantized.codes.to(.float32).floats()
        }
        let height = weight.size(0)
        let rows = down == height ? 1 : down == 1 ? height : 128
        let part = algorithm == .fp8Blocks ? 128 : (columns + across - 1) / across
        let expected = codes.enumerated().map { index, code -> Double in
            let (row, column) = (index / columns, index % columns)
            let scale = scales[row / rows * across + column / part] * Float(quantized.scale)
            return Double(code) * Double(scale)
        }
        for (one, other) in zip(try found.floats(), expected) {
            #expect(abs(Double(one) - other) <= 1e-7 * abs(other), "\(name) \(algorithm)")
        }
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity]) func tellsWhereANumberIsNotFinite(_ number: Float) throws {
        var floats = [Float](repeating: 0.5, count: 40 * 48)
        floats[1501] = number
        #expect(try !largestMagnitude(Tensor(floats, shape: [40, 48])).isFinite)
        floats[1501] = -2
        #expect(try largestMagnitude(Tensor(floats, shape: [40, 48])) == 2)
    }

    @Test(arguments: ["FP8.tensor", "FP8.token", "FP8.block", "INT8.token"])
    func roundsInputsAsTheReference(_ kind: String) throws {
        let x = try golden.tensor("inputs").onDevice()
        let (rows, width) = (x.size(0), x.size(1))
        let found =
            switch kind {
            // An item of a batch is what shares a scale.
            case "FP8.tensor": try roundE4M3(x.reshaped(1, rows, width)).reshaped(rows, width)
            case "FP8.token": try roundE4M3(x, part: width)
            case "FP8.block": try roundE4M3(x, part: 128)
            default: try roundInt8(x, part: width)
            }
        let values = try golden.tensor("inputs.\(kind).values").onDevice().to(.float32).floats()
        let scales = try golden.tensor("inputs.\(kind).scale").floats
        let perRow = max(scales.count / rows, 1)
        let expected = values.enumerated().map { index, value in
            let (row, column) = (index / width, index % width)
            return value * (scales.count == 1 ? scales[0] : scales[row * perRow + (perRow == 1 ? 0 : column / 128)])
        }
        #expect(try found.floats() == expected)
    }

    /// A token of a batch has the scale that it has alone.
    @Test(arguments: [DType.float32, .bfloat16]) func roundsEachItemOfABatchAsIfAlone(_ dtype: DType) throws {
        let x = try (Generator(seed: 3).normal([3, 5, 64]) * Tensor([1, 20, 0.01], shape: [3, 1, 1])).to(dtype)
        let kinds: [(Tensor) throws -> Tensor] = [
            { try roundE4M3($0) }, { try roundE2M1($0) }, { try roundInt8($0) }, { try roundE4M3($0, part: 64) },
        ]
        for round in kinds {
            let together = try round(x)
            for index in 0..<3 {
                let own = try together.slice(index..<index + 1, axis: 0).contiguous().floats()
                #expect(try own == round(x.slice(index..<index + 1, axis: 0).contiguous()).floats())
            }
        }
    }

    @Test func roundsNothingAndZeros() throws {
        for shape in [[0, 4, 32], [2, 0, 32], [2, 3, 32]] {
            let zeros = try Tensor.full(0, shape)
            for rounded in [try roundE4M3(zeros), try roundE2M1(zeros), try roundInt8(zeros, part: 32)] {
                #expect(rounded.shape == shape)
                #expect(try rounded.floats().allSatisfy { $0 == 0 })
            }
        }
    }
}
