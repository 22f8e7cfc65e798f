import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// What is written once for every transformer relies on this of its state.
@DeviceActor @Suite struct BlockRunnerTests {
    private func flux() throws -> (Flux1.Transformer, Flux1.Transformer.Input) {
        let transformer = try TinyModel().transformer()
        let (config, generator) = (transformer.config, try Generator(seed: 11))
        let positions =
            [[Double]](repeating: [0, 0, 0], count: 5) + (0..<6).map { [0, Double($0 / 3), Double($0 % 3)] }
        let input = Flux1.Transformer.Input(
            latents: try generator.normal([2, 6, config.inChannels]),
            prompt: try generator.normal([2, 5, config.jointAttentionDim]),
            pooledPrompt: try generator.normal([2, config.pooledProjectionDim]), timestep: 700, guidance: 3.5,
            rotary: try RotaryEmbedding(positions: positions, widths: config.axesDimsRope, base: 10000, on: .cpu))
        return (transformer, input)
    }

    /// With a timestep for each frame, so that modulation differs between tokens.
    private func wan(_ timesteps: [Float]) throws -> (Wan.Transformer, Wan.Transformer.Input) {
        let transformer = try TinyModel("wan-tiny-transformers").module("ti2v", Wan.Transformer.init)
        let (config, generator) = (transformer.config, try Generator(seed: 12))
        let grid = PatchGrid([3, 4, 6], patch: config.patchSize)
        let input = Wan.Transformer.Input(
            latents: try generator.normal([1, config.inChannels, 3, 4, 6]),
            prompt: try generator.normal([1, 7, config.textDim]), timesteps: timesteps,
            rotary: try grid.rotary(widths: config.rotaryWidths, on: .cpu))
        return (transformer, input)
    }

    /// Attention does not mind the order of tokens: each rank of a parallel layout runs the same blocks on some of them.
    private func expectIndifferenceToOrder<Transformer: DiffusionTransformer>(
        _ transformer: Transformer, _ input: Transformer.Input, after first: Int = 0
    ) throws {
        let runner = BlockRunner(transformer)
        var plain = try runner.begin(input)
        try runner.run(0..<first, &plain)
        var reversed = plain
        func reverse(_ state: inout SharedState<Transformer.State>) throws {
            try state.state.mapTokens { tensor, axis, _ throws(TensorError) in
                let order = (0..<tensor.size(axis)).reversed().map { Int32($0) }
                return try tensor.gathered(Tensor(order, shape: [order.count]), axis: axis)
            }
        }
        let last = transformer.blockCount - 1
        try reverse(&reversed)
        try runner.run(first..<last, &reversed)
        #expect(try reversed.tokenStreams()[0].distance(to: plain.tokenStreams()[0]) > 0.1)
        try reverse(&reversed)
        let found = try runner.finish(reversed, from: last)[0]
        #expect(try found.distance(to: runner.finish(plain, from: first)[0]) <= 1e-5)
    }

    @Test(arguments: [0, 1, 2, 3]) func mapsEveryTokenOfFlux1(_ first: Int) throws {
        let (transformer, input) = try flux()
        try expectIndifferenceToOrder(transformer, input, after: min(first, transformer.blockCount - 2))
    }

    @Test(arguments: [[500], [0, 500, 500]] as [[Float]]) func mapsEveryTokenOfWan(_ timesteps: [Float]) throws {
        let (transformer, input) = try wan(timesteps)
        try expectIndifferenceToOrder(transformer, input)
    }

    /// Blocks that run on the copies must not see the tensors that were there before.
    private func expectNothingLeftBehind<Transformer: DiffusionTransformer>(
        _ transformer: Transformer, _ input: Transformer.Input
    ) throws {
        let runner = BlockRunner(transformer)
        let expected = try runner.predict(input)[0]
        var state = try runner.begin(transformer.prepared(input))
        try state.state.mapTensors { tensor throws(TensorError) in try tensor * 0 }
        let blank = try runner.finish(state, from: 0)[0]
        state = try runner.begin(transformer.prepared(input))
        try state.state.mapTensors { tensor throws(TensorError) in try tensor * 1 }
        #expect(try runner.finish(state, from: 0)[0].distance(to: expected) == 0)
        let rows = try blank.reshaped(blank.size(0), -1)
        for item in 1..<rows.size(0) {
            #expect(try rows.slice(item..<item + 1, axis: 0).distance(to: rows.slice(0..<1, axis: 0)) == 0)
        }
        #expect(try blank.distance(to: expected) > 0.01)
    }

    @Test func mapsEveryTensorOfFlux1() throws {
        let (transformer, input) = try flux()
        try expectNothingLeftBehind(transformer, input)
    }

    @Test func mapsEveryTensorOfWan() throws {
        let (transformer, input) = try wan([0, 500, 500])
        try expectNothingLeftBehind(transformer, input)
    }

    @Test func addsResidualsAfterTheirBlock() throws {
        let (transformer, input) = try flux()
        var runner = BlockRunner(transformer)
        let last = transformer.blockCount - 1
        // Norms would take away what is the same for every channel.
        let change = try Generator(seed: 5).normal([2, 6, transformer.config.width])
        runner.residuals = [1: [change], last: [change]]
        var state = try transformer.begin(input)
        for index in 0...last {
            try transformer.block(index, &state)
            if index == 1 || index == last { try state.add([change]) }
        }
        let expected = try transformer.finish(state)[0]
        #expect(try runner.predict(input)[0].distance(to: expected) == 0)
        #expect(try BlockRunner(transformer).predict(input)[0].distance(to: expected) > 1e-3)
    }

    /// Tensor parallelism and quantisation ask the layers, not the models.
    @Test(arguments: ["flux1-tiny-dev", "wan2.1-tiny-i2v"]) func everyLargeLayerOfABlockSaysHowItMayBeCut(
        _ name: String
    ) throws {
        let model = try TinyModel(name).model()
        let transformer = try #require(model.components.first { $0.name == "transformer" })
        let linears = try transformer.listing(of: nil).linears.filter { $0.name.contains("blocks.") }
        #expect(!linears.isEmpty)
        for linear in linears {
            let isModulation = linear.name.hasSuffix("norm.linear") || linear.name.contains("norm1")
            switch linear.cut {
            case .whole: #expect(isModulation, "\(linear.name)")
            case .output(let segments): #expect(segments.isEmpty || segments.reduce(0, +) == linear.to)
            case .input(let segments): #expect(segments.isEmpty || segments.reduce(0, +) == linear.from)
            }
            #expect(linear.component == .transformer)
        }
        let joins = linears.filter { if case .input = $0.cut { true } else { false } }
        let parts = linears.filter { if case .output = $0.cut { true } else { false } }
        #expect(!joins.isEmpty && parts.count > joins.count)
    }
}
