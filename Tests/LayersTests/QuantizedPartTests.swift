import Layers
import Parallel
import Tensors
import TestKit
import Testing

/// Layers of exported checkpoints whose weights two devices share.
@Suite struct QuantizedPartTests {
    /// How far each of two devices' outputs is from those of one.
    private func distances(_ checkpoint: String, _ name: String, from: Int, to: Int, _ cut: LinearCut) async throws
        -> [Distance]
    {
        var layout = ParallelLayout()
        layout.tensor = 2
        let (mesh, store) = (Mesh(layout), RendezvousStore.inProcess())
        return try await onRanks(2) { rank in
            let ranks = try Ranks(mesh, rank: rank, store.copy(), .gloo(interface: nil), timeout: .seconds(300))
            func output(_ ranks: Ranks?, _ x: Tensor) throws -> Tensor {
                let source = try CheckpointWeights(folder: QuantisedGolden.folder(of: checkpoint))
                let weights = Weights(source, ComputeContext(ComputePlan(), ranks))
                return try Linear(weights[name], from: from, to: to, cut: cut)(x)
            }
            let x = try Tensor((0..<6 * from).map { Float(($0 * 37) % 101) / 50 - 1 }, shape: [1, 6, from])
            func half(_ tensor: Tensor) throws -> Tensor { try tensor.chunks(2)[rank].contiguous() }
            let alone = try output(nil, x)
            guard case .input = cut else { return try output(ranks, x).distance(to: half(alone)) }
            return try output(ranks, half(x)).distance(to: alone)
        }.map { try $0.get() }
    }

    @Test(arguments: ["fp8", "fp8-rows", "fp8-blocks", "int8", "nvfp4"])
    func areWhatOneDeviceMakes(_ format: String) async throws {
        let rows = try await distances(
            "flux1-\(format)", "single_transformer_blocks.0.proj_mlp", from: 64, to: 256, .output())
        #expect(rows.allSatisfy { $0 <= 1e-6 }, "\(rows)")
        let columns = try await distances(
            "flux1-\(format)", "transformer_blocks.0.ff.net.2", from: 256, to: 64, .input())
        // A token's scale is that of the numbers which a device has of it: they are rounded elsewhere.
        let limit = format == "fp8-rows" ? 3e-2 : 2e-6
        #expect(columns.allSatisfy { $0 <= limit }, "\(columns)")
    }

    /// Rows of 144 numbers in blocks of 128, and in groups of 16.
    @Test func refusesToCutBlocksApart() async throws {
        let error = await #expect(throws: QuantizationError.self) {
            _ = try await distances("wan-fp8-blocks", "blocks.0.attn1.to_q", from: 144, to: 144, .output())
        }
        #expect(
            error.map { "\($0)" }
                == "blocks.0.attn1.to_q.weight is stored quantised with a scale for every 128 numbers, which "
                + "parallel_config.tp_size would cut apart; quantise a plain checkpoint while it is loaded")
    }
}
