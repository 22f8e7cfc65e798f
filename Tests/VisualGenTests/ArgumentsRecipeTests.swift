import Foundation
import Testing
import VisualGen

/// The shapes of configuration that are in use elsewhere.
@Suite struct ArgumentsRecipeTests {
    private func recipe(_ name: String) throws -> VisualGenArgs {
        let folder = try #require(Bundle.module.url(forResource: "Resources", withExtension: nil))
        return try VisualGenArgs(yaml: folder.appendingPathComponent("\(name).yaml").path)
    }

    @Test(arguments: [
        ("wan22-t2v-nvfp4-1gpu", 1), ("wan22-t2v-nvfp4-4gpu", 4), ("wan22-t2v-fp8-8gpu", 8),
        ("wan22-skip-softmax-8gpu", 8), ("wan22-72gpu", 72), ("cosmos3-72gpu", 72), ("cosmos3-nano-1gpu", 1),
        ("cosmos3-super-4gpu", 4), ("cosmos3-super-4gpu-hopper", 4), ("ltx2-4gpu", 4), ("flux1-dev-nvfp4-1gpu", 1),
        ("wan22-serve", 1), ("wan21-cached-offloaded", 1),
    ])
    func isReadForItsNumberOfWorkers(_ name: String, _ workers: Int) throws {
        let args = try recipe(name)
        #expect(args.parallelConfig.workerCount == workers)
        #expect(try VisualGenArgs(dictionary: args.dictionary) == args)
    }

    @Test func isFourBitsOnOneWorker() throws {
        var expected = VisualGenArgs()
        expected.quantConfig.quantAlgo = .nvfp4
        expected.quantConfig.dynamic = true
        #expect(try recipe("wan22-t2v-nvfp4-1gpu") == expected)
        #expect(expected.quantConfig.quantizesWeightsAtLoad)
    }

    @Test func isFourBitsOnFourWorkers() throws {
        var expected = VisualGenArgs()
        expected.quantConfig.quantAlgo = .nvfp4
        expected.quantConfig.dynamic = true
        expected.parallelConfig.cfgSize = 2
        expected.parallelConfig.ulyssesSize = 2
        expected.parallelConfig.asyncUlysses = true
        expected.parallelConfig.parallelVAESize = 4
        #expect(try recipe("wan22-t2v-nvfp4-4gpu") == expected)
    }

    @Test func isEightBitsOnEightWorkers() throws {
        var expected = VisualGenArgs()
        expected.quantConfig.quantAlgo = .fp8BlockScales
        expected.quantConfig.dynamic = true
        expected.parallelConfig.cfgSize = 2
        expected.parallelConfig.ulyssesSize = 4
        expected.parallelConfig.parallelVAESize = 8
        expected.parallelConfig.parallelVAESplitDim = .height
        #expect(try recipe("wan22-t2v-fp8-8gpu") == expected)
    }

    @Test func skipsThreeQuartersOfTheBlocks() throws {
        var sparse = SkipSoftmaxAttentionConfig()
        sparse.targetSparsity = 0.75
        let args = try recipe("wan22-skip-softmax-8gpu")
        #expect(args.attentionConfig.sparseAttentionConfig == .skipSoftmax(sparse))
        #expect(args.attentionConfig.backend == .trtllm)
        #expect(args.parallelConfig.parallelVAESize == 8)
    }

    @Test(arguments: [("wan22-72gpu", 80), ("cosmos3-72gpu", 189)])
    func spansAMesh(_ name: String, _ frames: Int) throws {
        var expected = VisualGenArgs()
        expected.attentionConfig.backend = .fa4
        expected.parallelConfig.cfgSize = 2
        expected.parallelConfig.ulyssesSize = 4
        expected.parallelConfig.attn2dSize = Attention2DSize(3, 3)
        expected.parallelConfig.parallelVAESize = 8
        expected.compilationConfig.resolutions = [Resolution(height: 720, width: 1280)]
        expected.compilationConfig.numFrames = [frames]
        #expect(try recipe(name) == expected)
    }

    @Test func namesOnlyABackend() throws {
        #expect(try recipe("cosmos3-nano-1gpu") == VisualGenArgs())
        #expect(try recipe("cosmos3-nano-1gpu").unavailable().isEmpty)
    }

    @Test func sharesTheDecoderAmongFourWorkers() throws {
        var branches = ParallelConfig()
        branches.ulyssesSize = 2
        branches.parallelVAESize = 4
        var tensors = branches
        branches.cfgSize = 2
        tensors.tpSize = 2
        #expect(try recipe("cosmos3-super-4gpu").parallelConfig == branches)
        #expect(try recipe("cosmos3-super-4gpu-hopper").parallelConfig == tensors)
    }

    @Test func recordsGraphs() throws {
        let args = try recipe("ltx2-4gpu")
        #expect(args.cudaGraphConfig.enable)
        #expect(args.torchCompileConfig.enable)
        #expect(args.parallelConfig.asyncUlysses)
        #expect(
            args.pipelineConfig == ["text_encoder_path": "google/gemma-3-12b-it", "spatial_upsampler_path": nil])
    }

    @Test func leavesSomeModulesAsTheyAre() throws {
        let args = try recipe("flux1-dev-nvfp4-1gpu")
        #expect(args.model == "black-forest-labs/FLUX.1-dev")
        #expect(args.quantConfig.ignore == ["proj_out", "*.norm*.linear"])
    }

    @Test func cachesBlocks() throws {
        var cache = CacheDiTConfig()
        cache.fnComputeBlocks = 2
        cache.residualDiffThreshold = 0.12
        cache.scmStepsMaskPolicy = .fast
        #expect(try recipe("wan22-serve").cacheConfig == .cacheDiT(cache))
    }

    @Test func hasTheFormsThatCameLater() throws {
        let args = try recipe("wan21-cached-offloaded")
        var cache = TeaCacheConfig()
        cache.useRetSteps = true
        cache.coefficients = [-114.36346466, 65.26524496, -18.82220707, 4.91518089, 0]
        cache.coefficients2 = [1, 0]
        #expect(args.cacheConfig == .teaCache(cache))
        #expect(args.cpuOffloadConfig.stages == [["text_encoder", "denoising_transformer"], "vae"])
        #expect(!args.cpuOffloadConfig.pinMemory)
        var adapter = RuntimeLoRAConfig()
        adapter.path = "/models/style.safetensors"
        adapter.targetComponents = ["transformer"]
        adapter.stripPrefixes = ["diffusion_model."]
        adapter.keyMap = ["blocks.0.attn": "blocks.0.attn1"]
        #expect(args.runtimeLoRAConfigs == [adapter])
        #expect(args.revision == "main")
    }
}
