import Foundation
import Layers
import Tensors
import TestKit
import Testing

/// How much memory quantised layers take: nothing else may run beside.
@DeviceActor @Suite(.serialized) struct QuantizedMemorySerialTests {
    private static let (width, count) = (2048, 16)

    /// A component of linear layers in 16 bits.
    private func checkpoint() throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let numbers = try Generator(seed: 1).normal([Self.width, Self.width]).to(.bfloat16)
        let bits = try numbers.to(.float32).floats().map { UInt16($0.bitPattern >> 16) }
        let bytes = bits.withUnsafeBytes { [UInt8]($0) }
        try SafetensorsWriter.write(
            (0..<Self.count).map { index in
                SafetensorsWriter.Tensor(
                    name: "blocks.\(index).weight", dtype: .bfloat16, shape: [Self.width, Self.width], bytes: bytes)
            }, to: folder.file("model.safetensors"))
        return folder
    }

    private func kilobytes(_ key: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(key):") })
        return try #require(Int(line.split(separator: " ").dropFirst().first ?? ""))
    }

    /// What a checkpoint has in few bits is not copied.
    @Test func isTheFilesOwnMemory() throws {
        let folder = try TemporaryFolder()
        let scale = Float(0.01)
        let count = Self.width * Self.width
        try SafetensorsWriter.write(
            (0..<Self.count).flatMap { index -> [SafetensorsWriter.Tensor] in
                [
                    .init(
                        name: "blocks.\(index).weight", dtype: .float8E4M3, shape: [Self.width, Self.width],
                        bytes: [UInt8](repeating: 0x38, count: count)),
                    .init(name: "blocks.\(index).weight_scale", shape: [], floats: [scale]),
                ]
            }, to: folder.file("model.safetensors"))
        let before = try kilobytes("RssAnon")
        let view = Weights(try CheckpointWeights(folder: folder.path), plan: ComputePlan(dtype: .bfloat16))
        let layers = try (0..<Self.count).map {
            try Linear(view["blocks"][$0], from: Self.width, to: Self.width, bias: false)
        }
        try view.requireAllRead()
        #expect(try kilobytes("RssAnon") - before < count * Self.count / 1024 / 4)
        let x = try Tensor.full(1, [1, 1, Self.width]).to(.bfloat16)
        #expect(try abs(layers[7](x).to(.float32).max() - Float(Self.width) * scale) < 0.2)
    }

    /// Of the whole model nothing is in memory at once but what it becomes, and one layer.
    @Test(arguments: [(QuantAlgorithm.fp8, 0.55), (.fp8Rows, 0.55), (.fp8Blocks, 0.55), (.int8, 0.55), (.nvfp4, 0.32)])
    func neverHoldsTheModelThatIsNotQuantised(_ algorithm: QuantAlgorithm, _ share: Double) throws {
        let folder = try checkpoint()
        func load() throws -> [Linear] {
            let plan = ComputePlan(dtype: .bfloat16, quantization: QuantizationPlan(algorithm))
            let view = Weights(try CheckpointWeights(folder: folder.path), plan: plan)
            return try (0..<Self.count).map {
                try Linear(view["blocks"][$0], from: Self.width, to: Self.width, bias: false)
            }
        }
        let one = Self.width * Self.width * 2 / 1024
        // What LibTorch keeps for itself is there before.
        _ = try load()
        try "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let before = try kilobytes("VmRSS")
        let layers = try load()
        let after = try kilobytes("VmRSS")
        let peak = try kilobytes("VmHWM")
        let whole = Double(one * Self.count)
        #expect(Double(after - before) <= share * whole + Double(one) / 4)
        #expect(Double(peak - before) <= share * whole + 4 * Double(one))
        #expect(Double(after - before) > 0.2 * whole)
        #expect(layers.count == Self.count)
    }
}
