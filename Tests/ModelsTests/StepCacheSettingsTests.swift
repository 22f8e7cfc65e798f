import Diffusion
import Foundation
import Layers
import Models
import TestKit
import Testing

/// What is the model's own in the settings of step caches, and what is refused.
@Suite struct StepCacheSettingsTests {
    private func traits(_ manifest: String) throws -> [StepCacheTraits] {
        try Catalog.model(CheckpointFolder("\(Golden.folder)/manifests/\(manifest)")).stepCacheTraits
    }

    /// The first coefficient of either way tells which set it is.
    @Test(arguments: [
        ("flux1-dev", 57, 4.98651651e2, 4.98651651e2), ("flux1-schnell", 57, 1, 1),
        ("wan2.1-t2v-1.3b", 30, 2.39676752e3, -5.21862437e4), ("wan2.1-t2v-14b", 40, -5784.54975374, -3.03318725e5),
        ("wan2.1-i2v-14b-480p", 40, -3.02331670e2, 2.57151496e5),
        ("wan2.1-i2v-14b-720p", 40, -114.36346466, 8.10705460e3),
    ])
    func knowsPublishedModelsByTheirConfigs(_ manifest: String, _ blocks: Int, _ standard: Double, _ kept: Double)
        throws
    {
        let traits = try traits(manifest)
        #expect(traits.map(\.blocks) == [blocks])
        #expect(traits[0].coefficients?.standard.first == standard)
        #expect(traits[0].coefficients?.retainedSteps.first == kept)
    }

    @Test(arguments: [
        ("wan2.1-flf2v-14b-720p", 1), ("wan2.2-t2v-a14b", 2), ("wan2.2-i2v-a14b", 2), ("wan2.2-ti2v-5b", 1),
    ])
    func refusesTeaCacheWithoutCoefficients(_ manifest: String, _ transformers: Int) throws {
        let traits = try traits(manifest)
        #expect(traits.count == transformers)
        var settings = TeaCacheSettings()
        func problem() -> String {
            do {
                _ = try StepCacheSettings(.teaCache(settings)).resolved(for: traits, of: "Wan")
                return ""
            } catch {
                return "\(error)"
            }
        }
        let missing = "must be given: there are no published coefficients for this model (Wan)"
        #expect(problem() == "cache_config.coefficients \(missing)")
        settings.coefficients = [1, 0]
        #expect(problem() == (transformers == 2 ? "cache_config.coefficients_2 \(missing)" : ""))
        settings.coefficients2 = [1, 0]
        #expect(
            problem() == (transformers == 2 ? "" : "cache_config.coefficients_2 is given, but Wan has one transformer"))
    }

    @Test(arguments: [
        (0, 0, "Fn_compute_blocks must be from 1 to 57, the transformer's blocks, not 0"),
        (58, 0, "Fn_compute_blocks must be from 1 to 57, the transformer's blocks, not 58"),
        (57, 0, "Bn_compute_blocks is 0, which with Fn_compute_blocks 57 leaves none of 57 blocks out"),
        (8, 49, "Bn_compute_blocks is 49, which with Fn_compute_blocks 8 leaves none of 57 blocks out"),
    ])
    func refusesBlocksThatTheModelDoesNotHave(_ first: Int, _ last: Int, _ sentence: String) throws {
        var settings = DualBlockSettings()
        (settings.firstBlocks, settings.lastBlocks) = (first, last)
        let traits = try traits("flux1-dev")
        #expect {
            try StepCacheSettings(.dualBlock(settings)).resolved(for: traits, of: "FLUX.1")
        } throws: { error in
            "\(error)" == "cache_config.\(sentence)"
        }
    }

    /// TensorRT-LLM's caps for the transformer of low noise, whatever is asked for.
    @Test func givesTheSecondTransformerItsOwnCaps() throws {
        let settings = try StepCacheSettings(.dualBlock(DualBlockSettings()))
            .resolved(for: traits("wan2.2-t2v-a14b"), of: "Wan")
        let caps = settings.map { settings in
            guard case .dualBlock(let blocks) = settings.method else { return [0] }
            return [blocks.warmUpSteps, blocks.maxCachedSteps]
        }
        #expect(caps == [[4, -1], [2, 20]])
    }

    /// What is held for the next steps counts, and more of it with a higher order.
    @Test(arguments: ["flux1-tiny-dev", "wan2.1-tiny-t2v", "ltx2-tiny"]) func needsMemory(_ model: String) throws {
        let model = try Catalog.model(CheckpointFolder(TinyCheckpoint.path(of: model)))
        var request = GenerationRequest(prompts: ["a lake"])
        (request.height, request.width, request.numInferenceSteps) = (256, 256, 8)
        let resolved = try model.resolve(request)
        func stage(_ settings: StepCacheSettings?) throws -> MemorySize {
            let forecast = try model.memory(of: resolved, PipelineOptions(stepCache: settings))
            let stage = forecast.stages.first { $0.components.contains("transformer") }
            return try #require(stage).activations
        }
        var blocks = DualBlockSettings()
        let plain = try stage(StepCacheSettings(.dualBlock(blocks)))
        blocks.order = 4
        let none = try stage(nil)
        #expect(none < plain)
        #expect(try stage(StepCacheSettings(.dualBlock(blocks))) > plain)
    }

    @Test(arguments: StepsMask.Policy.allCases) func hasTheReferencesMasks(_ policy: StepsMask.Policy) throws {
        let file = URL(fileURLWithPath: "\(Golden.folder)/caches/steps_masks.json")
        let masks = try JSONDecoder().decode([String: [String: String]].self, from: Data(contentsOf: file))
        let expected = try #require(masks[policy.rawValue])
        #expect(expected.count > 100)
        for steps in 1...150 {
            let mask = StepsMask(policy, steps: steps)?.isComputed.map { $0 ? "1" : "0" }.joined()
            #expect(mask == expected[String(steps)], "\(steps) steps")
        }
    }
}
