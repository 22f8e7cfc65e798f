import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct LTX2TransformerTests {
    nonisolated static let versions = ["2.0", "2.3"]
    nonisolated static let cases = ["batch", "odd", "image", "image_own_time", "isolated"]

    private func transformer(_ version: String, _ plan: ComputePlan = ComputePlan()) throws -> LTX2.Transformer {
        try TinyModel(version == "2.0" ? "ltx2-tiny" : "ltx2.3-tiny")
            .module("transformer", plan: plan, LTX2.Transformer.init)
    }

    /// The golden's inputs of a case.
    private func input(_ version: String, _ name: String, _ dtype: DType = .float32) throws -> LTX2.Transformer.Input {
        let golden = try Golden("ltx2/transformer-\(version)")
        // These have the inputs of others.
        let like = ["image_own_time": "image", "isolated": "batch", "perturbed": "batch"][name] ?? name
        func tensor(_ part: String) throws -> Tensor { try golden.tensor("\(like).\(part)").onDevice() }
        let (timesteps, sigmas) = try (tensor("timestep"), tensor("sigma").floats())
        #expect(Set(sigmas).count == 1)
        let sizes = try tensor("sizes").integers().map { Int($0) }
        let batch = sigmas.count
        var input = LTX2.Transformer.Input(
            video: try tensor("video"), audio: try tensor("audio"), videoText: try tensor("video_text").to(dtype),
            audioText: try tensor("audio_text").to(dtype), size: Array(sizes.prefix(3)),
            rate: Double(try tensor("fps").floats()[0]),
            timesteps: Array(try timesteps.floats().prefix(timesteps.count / batch)), timestep: sigmas[0])
        input.sharesTimesteps = name != "image_own_time"
        input.isIsolated = name == "isolated"
        input.perturbedBlocks = name == "perturbed" ? [1] : []
        return input
    }

    @Test(arguments: versions) func turnsByTheReferencesAngles(_ version: String) throws {
        let golden = try Golden("ltx2/transformer-\(version)")
        let transformer = try transformer(version)
        let tables = try transformer.begin(input(version, "batch")).tables
        for (table, name) in [
            (tables.video, "rope"), (tables.audio, "audio_rope"), (tables.videoCross, "cross_attn_rope"),
            (tables.audioCross, "cross_attn_audio_rope"),
        ] {
            for (found, part) in [(table.cosine, "cos"), (table.sine, "sin")] {
                let expected = try golden.tensor("batch.\(name).\(part)")
                let all = try found.transposed(0, 1).unsqueezed(0).repeated(2, axis: 0).reshaped(expected.shape)
                #expect(try all.distance(to: expected) <= 1e-6)
            }
        }
    }

    @Test(arguments: versions) func agreesWithTheReferenceBlockByBlock(_ version: String) throws {
        let golden = try Golden("ltx2/transformer-\(version)")
        let transformer = try transformer(version)
        var state = try transformer.begin(input(version, "batch"))
        #expect(try state.video.distance(to: golden.tensor("batch.proj_in")) <= 5e-6)
        #expect(try state.audio.distance(to: golden.tensor("batch.audio_proj_in")) <= 5e-6)
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            #expect(try state.video.distance(to: golden.tensor("batch.block.\(index).video")) <= 5e-5)
            #expect(try state.audio.distance(to: golden.tensor("batch.block.\(index).audio")) <= 5e-5)
        }
        let found = try transformer.finish(state)
        #expect(try found[0].distance(to: golden.tensor("batch.output.video")) <= 5e-5)
        #expect(try found[1].distance(to: golden.tensor("batch.output.audio")) <= 5e-5)
    }

    @Test(arguments: versions, cases) func agreesWithTheReference(_ version: String, _ name: String) throws {
        try expectAgreement(version, name)
    }

    @Test func agreesWithTheReferenceWhereBlocksArePerturbed() throws { try expectAgreement("2.3", "perturbed") }

    private func expectAgreement(_ version: String, _ name: String) throws {
        let golden = try Golden("ltx2/transformer-\(version)")
        let found = try predictions(transformer(version), input(version, name))
        #expect(try found[0].distance(to: golden.tensor("\(name).output.video")) <= 5e-5)
        #expect(try found[1].distance(to: golden.tensor("\(name).output.audio")) <= 5e-5)
    }

    @Test(arguments: versions) func isNoFurtherFromFloat32ThanTheReferenceIn16Bits(_ version: String) throws {
        let golden = try Golden("ltx2/transformer-\(version)")
        let found = try predictions(
            transformer(version, ComputePlan(dtype: .bfloat16)), input(version, "batch", .bfloat16))
        for (found, name) in zip(found, ["video", "audio"]) {
            let exact = try golden.tensor("batch.output.\(name)").doubles
            func error(_ values: [Double]) -> Double {
                zip(values, exact).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
            }
            let limit = try error(golden.tensor("batch.output.\(name).bfloat16").doubles)
            let distance = try error(found.floats().map(Double.init))
            #expect(distance <= limit)
            #expect(distance > limit / 100, "it was not computed in 16 bits")
        }
    }

    private func predictions(_ transformer: LTX2.Transformer, _ input: LTX2.Transformer.Input) throws -> [Tensor] {
        var state = try transformer.begin(transformer.prepared(input))
        for index in 0..<transformer.blockCount { try transformer.block(index, &state) }
        return try transformer.finish(state)
    }
}
