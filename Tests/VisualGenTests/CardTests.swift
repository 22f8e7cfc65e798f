import Engine
import Tensors
import Testing
import VisualGen

/// What GPUs lack for what a configuration asks for, without one.
@Suite struct CardTests {
    private static let recipes = [
        (
            "TRTLLM",
            "{backend: TRTLLM, quant_attention_config: {qk_dtype: fp8, q_block_size: 1, k_block_size: 4, v_block_size: 1}}"
        ),
        ("CUTEDSL", "{backend: CUTEDSL, quant_attention_config: {}}"),
    ]

    private func problems(_ attention: String, _ capabilities: [ComputeCapability]) throws -> [String] {
        let args = try VisualGenArgs(yamlText: "device: cuda\nattention_config: \(attention)")
        let cards = capabilities.indices.map { Device.cuda($0) }
        return try args.cardProblems(on: cards) { card throws(EngineError) in
            cards.firstIndex(of: card).map { capabilities[$0] }
        }.map(\.description)
    }

    @Test(arguments: recipes, [(8, 0), (8, 9), (10, 0), (12, 0)])
    func quantisedAttentionNeedsHopper(_ recipe: (name: String, attention: String), _ card: (Int, Int)) throws {
        let capability = ComputeCapability(card.0, card.1)
        let sentence =
            "attention_config.backend \(recipe.name) with quant_attention_config needs a Hopper GPU (compute capability "
            + "9.0), but cuda:0 has \(card.0).\(card.1)"
        #expect(try problems(recipe.attention, [capability]) == [sentence])
        #expect(try problems("{backend: \(recipe.name)}", [capability]) == [])
    }

    @Test(arguments: recipes) func hopperHasIt(_ recipe: (name: String, attention: String)) throws {
        let hopper = ComputeCapability(9, 0)
        #expect(try problems(recipe.attention, [hopper]) == [])
        let mixed = try problems(recipe.attention, [hopper, ComputeCapability(8, 0), ComputeCapability(12, 0)])
        #expect(mixed.count == 1 && mixed[0].hasSuffix("but cuda:1 has 8.0"))
    }

    @Test func exactAttentionAsksForNothing() throws {
        for backend in ["VANILLA", "TRTLLM", "FA4", "CUTEDSL", "CUDNN"] {
            var args = try VisualGenArgs(yamlText: "{device: cuda, attention_config: {backend: \(backend)}}")
            args.parallelConfig.cfgSize = 2
            let problems = try args.cardProblems(on: [.cuda(0)]) { _ throws(EngineError) in throw EngineError.noModel }
            #expect(problems == [])
            #expect(try args.cardProblems([:]) == [])
        }
    }

    /// The GPUs are those of the ranks that this process starts, or its own where a launcher started it.
    @Test func asksTheGPUsThatItUses() throws {
        var args = try VisualGenArgs(
            yamlText: "{device: 'cuda:100', attention_config: {backend: CUTEDSL, quant_attention_config: {}}}")
        args.parallelConfig.cfgSize = 2
        func missing(_ environment: [String: String]) throws -> Device? {
            let error = try #require(throws: EngineError.self) { try args.cardProblems(environment) }
            guard case .deviceMissing(let device, _) = error else { return nil }
            return device
        }
        #expect(try missing([:]) == .cuda(100))
        let launch = ["RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "MASTER_ADDR": "head"]
        #expect(try missing(launch) == .cuda(101))
        args.device = .cpu
        #expect(try args.cardProblems([:]) == [])
    }
}
