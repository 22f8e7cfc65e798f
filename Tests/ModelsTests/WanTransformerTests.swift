import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite(.serialized) struct WanTransformerTests {
    nonisolated static let kinds = ["t2v", "i2v-2.1", "i2v-2.2", "ti2v", "flf2v"]
    nonisolated static let cases = ["batch", "odd", "frame"]

    private func transformer(_ kind: String, _ plan: ComputePlan = ComputePlan()) throws -> Wan.Transformer {
        try TinyModel("wan-tiny-transformers").module(kind, plan: plan, Wan.Transformer.init)
    }

    /// The golden's inputs of a case.
    private func input(_ kind: String, _ name: String, _ config: Wan.TransformerConfig, _ dtype: DType = .float32)
        throws -> Wan.Transformer.Input
    {
        let golden = try Golden("wan/transformer-\(kind)")
        let latents = try golden.tensor("\(name).latents").onDevice().to(dtype)
        let batch = latents.size(0)
        func share(_ name: String) throws -> Tensor {
            let all = try golden.tensor(name).onDevice().to(dtype)
            return try all.slice(0..<all.size(0) * batch / 2, axis: 0)
        }
        // One number for the batch, or a row of tokens for each item; the rows are equal.
        let timesteps = try golden.tensor("\(name).timestep").floats
        let grid = config.grid(latents)
        return Wan.Transformer.Input(
            latents: latents, prompt: try share("prompt"), image: golden.contains("image") ? try share("image") : nil,
            timesteps: timesteps.count == batch ? [timesteps[0]] : Array(timesteps.prefix(grid.tokens)),
            rotary: try grid.rotary(widths: config.rotaryWidths, on: .cpu))
    }

    @Test func turnsByTheReferencesAngles() throws {
        let golden = try Golden("wan/transformer-t2v")
        let tables = try input("t2v", "batch", transformer("t2v").config).rotary
        for (table, name) in [(tables.cosine, "batch.rotary.cos"), (tables.sine, "batch.rotary.sin")] {
            // The reference has every angle twice, once for each number of its pair.
            let doubled = try table.repeated(2, axis: 1).unsqueezed(0).unsqueezed(2)
            let distance = try doubled.distance(to: golden.tensor(name))
            #expect(distance <= 1e-7)
        }
    }

    @Test(arguments: kinds) func agreesWithTheReferenceBlockByBlock(_ kind: String) throws {
        let golden = try Golden("wan/transformer-\(kind)")
        let transformer = try transformer(kind)
        var state = try transformer.begin(input(kind, "batch", transformer.config))
        if golden.contains("batch.modulation") {
            let modulation = try state.modulation.reshaped(2, -1)
            #expect(try modulation.distance(to: golden.tensor("batch.modulation")) <= 5e-6)
        }
        for index in 0..<transformer.blockCount {
            try transformer.block(index, &state)
            #expect(try state.tokens.distance(to: golden.tensor("batch.block.\(index)")) <= 5e-5)
        }
        #expect(try transformer.finish(state)[0].distance(to: golden.tensor("batch.output")) <= 5e-5)
    }

    @Test(arguments: kinds, cases) func agreesWithTheReference(_ kind: String, _ name: String) throws {
        let transformer = try transformer(kind)
        let found = try transformer(input(kind, name, transformer.config))
        #expect(try found.distance(to: Golden("wan/transformer-\(kind)").tensor("\(name).output")) <= 5e-5)
    }

    /// Time embedding, modulation tables and norms stay in 32 bits, as in the reference.
    @Test(arguments: kinds) func isNoFurtherFromFloat32ThanTheReferenceIn16Bits(_ kind: String) throws {
        let golden = try Golden("wan/transformer-\(kind)")
        let transformer = try transformer(kind, ComputePlan(dtype: .bfloat16))
        var input = try input(kind, "batch", transformer.config, .bfloat16)
        input.latents = try golden.tensor("batch.latents").onDevice()
        let found = try transformer(input)
        #expect(found.dtype == .float32)
        let exact = try golden.tensor("batch.output").doubles
        func error(_ values: [Double]) -> Double {
            zip(values, exact).map { ($0 - $1) * ($0 - $1) }.reduce(0, +).squareRoot()
        }
        let limit = try error(golden.tensor("batch.output.bfloat16").doubles)
        let distance = try error(found.floats().map(Double.init))
        #expect(distance <= limit)
        #expect(distance > limit / 100, "it was not computed in 16 bits")
    }

    /// Frames that share a timestep need only one embedding.
    @Test func takesOneTimestepForEachFrame() throws {
        let transformer = try transformer("ti2v")
        var input = try input("ti2v", "batch", transformer.config)
        let perToken = try transformer(input)
        input.timesteps = [input.timesteps[0], input.timesteps[6], input.timesteps[12]]
        #expect(Set(input.timesteps).count == 2)
        #expect(try transformer(input).distance(to: perToken) <= 1e-5)
        input.timesteps = [500]
        let single = try transformer(input)
        input.timesteps = [500, 500, 500]
        #expect(try transformer(input).distance(to: single) <= 1e-5)
    }

    @Test func refusesTimestepsThatNoGroupsOfTokensHave() throws {
        let transformer = try transformer("ti2v")
        var input = try input("ti2v", "batch", transformer.config)
        input.timesteps = [1, 2, 3, 4]
        #expect(throws: TensorError.self) { try transformer(input) }
    }

    @Test(arguments: kinds) func givesAnItemTheSameResultWhateverTheRestOfTheBatch(_ kind: String) throws {
        let transformer = try transformer(kind)
        let input = try input(kind, "batch", transformer.config)
        let whole = try transformer(input)
        for item in 0..<2 {
            var alone = input
            func one(_ x: Tensor) throws -> Tensor {
                try x.slice(item * x.size(0) / 2..<(item + 1) * x.size(0) / 2, axis: 0)
            }
            (alone.latents, alone.prompt) = (try one(input.latents), try one(input.prompt))
            if let image = input.image { alone.image = try one(image) }
            let distance = try transformer(alone).distance(to: whole.slice(item..<item + 1, axis: 0))
            #expect(distance <= 1e-5)
        }
    }

    @Test func isTheIdentityBetweenBeginAndFinishWhenNothingIsAddedToTheStream() throws {
        let copy = try TinyCheckpoint(copying: "wan-tiny-transformers")
        try copy.rewriteTensors(of: "t2v") { tensors in
            tensors = tensors.map { tensor in
                let isOut = ["attn1.to_out", "attn2.to_out", "ffn.net.2"].contains { tensor.name.contains($0) }
                return isOut
                    ? .init(
                        name: tensor.name, dtype: tensor.dtype, shape: tensor.shape,
                        bytes: .init(repeating: 0, count: tensor.bytes.count)) : tensor
            }
        }
        let transformer = try TinyModel(copy).module("t2v", Wan.Transformer.init)
        let begun = try transformer.begin(input("t2v", "batch", transformer.config))
        var state = begun
        for index in 0..<transformer.blockCount { try transformer.block(index, &state) }
        #expect(try state.tokens.distance(to: begun.tokens) == 0)
    }

    @Test func passesOverANormThatOldCheckpointsStore() throws {
        let copy = try TinyCheckpoint(copying: "wan-tiny-transformers")
        try copy.rewriteTensors(of: "i2v-2.1") { tensors in
            tensors.append(
                .init(
                    name: "blocks.0.attn2.norm_added_q.weight", dtype: .bfloat16, shape: [30],
                    bytes: .init(repeating: 0, count: 60)))
        }
        _ = try TinyModel(copy).module("i2v-2.1", Wan.Transformer.init)
    }
}

@DeviceActor @Suite struct WanTransformerSizeTests {
    /// Tensors and parameters that the reference's class has at the published sizes.
    @Test(arguments: [
        ("T2V 1.3B", #"{"num_attention_heads": 12, "num_layers": 30, "ffn_dim": 8960}"#, 825, 1_418_996_800),
        ("T2V 14B", "{}", 1095, 14_288_491_584),
        (
            "2.1 I2V 14B", #"{"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120}"#, 1303, 16_394_878_784
        ),
        ("2.2 I2V A14B", #"{"in_channels": 36}"#, 1095, 14_288_901_184),
        (
            "2.2 TI2V 5B",
            #"{"num_attention_heads": 24, "num_layers": 30, "ffn_dim": 14336, "in_channels": 48, "out_channels": 48}"#,
            825, 4_999_787_712
        ),
        (
            "FLF2V 14B",
            #"{"in_channels": 36, "image_dim": 1280, "added_kv_proj_dim": 5120, "pos_embed_seq_len": 514}"#, 1304,
            16_395_536_704
        ),
    ])
    func asksForAsManyParametersAsArePublished(_ name: String, _ json: String, _ tensors: Int, _ parameters: Int)
        throws
    {
        let folder = try TemporaryFolder()
        let config = try Wan.TransformerConfig.read(folder.write(json, to: "config.json")).0
        let listing = WeightListing()
        _ = try Wan.Transformer(Weights(listing), config)
        #expect(listing.entries.count == tensors)
        #expect(listing.entries.map { $0.shape.reduce(1, *) }.reduce(0, +) == parameters)
    }
}

@Suite struct WanTransformerConfigTests {
    private func fault(_ json: String) throws -> ConfigFault {
        let folder = try TemporaryFolder()
        let path = try folder.write(json, to: "config.json")
        return try #require(throws: ConfigError.self) { _ = try Wan.TransformerConfig.read(path) }.fault
    }

    @Test(arguments: [
        ("patch_size", "[2, 2]"), ("patch_size", "[0, 2, 2]"), ("num_attention_heads", "0"), ("in_channels", "-1"),
        ("qk_norm", "\"layer_norm\""), ("eps", "0"), ("num_layers", "-1"), ("text_dim", "\"wide\""),
    ])
    func namesTheKeyThatItCannotUse(_ key: String, _ value: String) throws {
        let fault = try fault(#"{"\#(key)": \#(value)}"#)
        guard case .value(key, _) = fault else {
            Issue.record("\(fault)")
            return
        }
    }

    @Test(arguments: [
        #""image_dim": 1280"#, #""added_kv_proj_dim": 5120"#, #""pos_embed_seq_len": 514"#,
    ])
    func refusesHalfAnImageInput(_ settings: String) throws {
        guard case .unsupported = try fault("{\(settings)}") else {
            Issue.record("\(try fault("{\(settings)}"))")
            return
        }
    }

    @Test func namesHeadsThatHaveNoPairs() throws {
        #expect(try fault(#"{"attention_head_dim": 9}"#).description.contains("attention_head_dim"))
        #expect(try fault(#"{"freq_dim": 255}"#).description.contains("freq_dim"))
        #expect(try fault(#"{"image_dim": 8, "added_kv_proj_dim": 7}"#).description.contains("added_kv_proj_dim"))
    }
}
