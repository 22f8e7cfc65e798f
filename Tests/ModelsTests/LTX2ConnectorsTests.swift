import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct LTX2ConnectorsTests {
    /// The golden's prompts have padding in front, which is not given.
    private func found(_ version: String, _ prompt: Int, _ dtype: DType) throws -> [Tensor] {
        let golden = try Golden("ltx2/connectors-\(version)")
        let connectors = try TinyModel(version == "2.0" ? "ltx2-tiny" : "ltx2.3-tiny")
            .module("connectors", plan: ComputePlan(dtype: dtype), LTX2.Connectors.init)
        let hidden = try golden.tensor("hidden").onDevice().slice(prompt..<prompt + 1, axis: 0)
        let mask = try golden.tensor("mask").onDevice().slice(prompt..<prompt + 1, axis: 0).floats()
        let (length, tokens) = (mask.count, mask.filter { $0 > 0 }.count)
        let layers = hidden.size(3)
        let states = try (0..<layers).map {
            try hidden.slice(length - tokens..<length, axis: 1).select($0, axis: 3).to(dtype)
        }
        let result = try connectors(states, length: length)
        return [result.video, result.audio]
    }

    @Test(arguments: ["2.0", "2.3"], [0, 1]) func agreesWithTheReference(_ version: String, _ prompt: Int) throws {
        let golden = try Golden("ltx2/connectors-\(version)")
        for (found, name) in zip(try found(version, prompt, .float32), ["video", "audio"]) {
            let expected = try golden.tensor(name).onDevice().slice(prompt..<prompt + 1, axis: 0)
            #expect(try found.distance(to: expected) <= 5e-5)
        }
    }

    @Test(arguments: ["2.0", "2.3"]) func isNoFurtherFromFloat32ThanTheReferenceIn16Bits(_ version: String) throws {
        let golden = try Golden("ltx2/connectors-\(version)")
        for (number, name) in ["video", "audio"].enumerated() {
            let all = try golden.tensor(name).doubles
            let reference = try golden.tensor("\(name).bfloat16").doubles
            func error(_ values: [Double]) -> Double {
                zip(values, all).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
            }
            let prompts = try (0..<2).flatMap { try found(version, $0, .bfloat16)[number].floats().map(Double.init) }
            #expect(prompts.count == all.count)
            #expect(error(prompts) <= error(reference))
        }
    }
}
