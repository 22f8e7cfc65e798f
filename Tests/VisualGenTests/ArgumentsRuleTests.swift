import Testing
import VisualGen

/// Rules between fields.
@Suite struct ArgumentsRuleTests {
    @Test(arguments: [
        (
            "parallel_config: {ring_size: 2, attn2d_size: [2, 2]}\nattention_config: {backend: FA4}",
            "parallel_config.ring_size is 2 and attn2d_size is [2, 2], of which one must be 1"
        ),
        (
            "parallel_config: {async_ulysses: true}",
            "parallel_config.async_ulysses needs ulysses_size above 1, not 1"
        ),
        (
            "parallel_config: {async_ulysses: true, ulysses_size: 2, ring_size: 2}\nattention_config: {backend: FA4}",
            "parallel_config.async_ulysses needs ring_size 1, not 2"
        ),
        (
            "parallel_config: {cfg_size: 2, parallel_vae_size: 4}",
            "parallel_config.parallel_vae_size is 4, but the other sizes make 2 workers"
        ),
        (
            "parallel_config: {cfg_size: 2, ulysses_size: 4, parallel_vae_size: 5}",
            "parallel_config.parallel_vae_size is 5, which is neither all 8 workers nor within the 4 of one guidance "
                + "branch"
        ),
        (
            "parallel_config: {ring_size: 2}",
            "parallel_config.ring_size needs attention_config.backend FA4 or CUTEDSL, not VANILLA"
        ),
        (
            "parallel_config: {attn2d_size: [1, 2]}\nattention_config: {backend: TRTLLM}",
            "parallel_config.attn2d_size needs attention_config.backend FA4 or CUTEDSL, not TRTLLM"
        ),
        (
            "parallel_config: {ring_size: 2}\n"
                + "attention_config: {backend: CUTEDSL, sparse_attention_config: {algorithm: vsa}}",
            "parallel_config.ring_size excludes attention_config.sparse_attention_config with algorithm vsa"
        ),
        (
            "parallel_config: {attn2d_size: [2, 1]}\n"
                + "attention_config: {backend: CUTEDSL, sparse_attention_config: {algorithm: sol_attn}}",
            "parallel_config.attn2d_size excludes attention_config.sparse_attention_config with algorithm sol_attn"
        ),
        (
            "attention_config: {quant_attention_config: {}}",
            "attention_config.quant_attention_config needs backend TRTLLM, CUTEDSL or FLASHINFER, not VANILLA"
        ),
        (
            "attention_config: {backend: TRTLLM, quant_attention_config: {qk_dtype: fp8}}",
            "attention_config.quant_attention_config asks for fp8/fp8 (0,0,0), which backend TRTLLM does not have; it "
                + "has int8/fp8 (1,1,1), int8/fp8 (1,4,1), int8/fp8 (1,16,1), fp8/fp8 (1,1,1), fp8/fp8 (1,4,1)"
        ),
        (
            "attention_config: {backend: FLASHINFER, quant_attention_config: {qk_dtype: mxfp8, v_dtype: nvfp4}}",
            "attention_config.quant_attention_config asks for mxfp8/nvfp4 (0,0,0), which backend FLASHINFER does not "
                + "have; it has mxfp8/fp8 (0,0,0), nvfp4/fp8 (0,0,0), nvfp4/nvfp4 (0,0,0)"
        ),
        (
            "attention_config: {backend: TRTLLM, exact_steps: {last: 2}}",
            "attention_config.exact_steps needs quant_attention_config"
        ),
        (
            "attention_config: {exact_layers: ['*']}",
            "attention_config.exact_layers needs quant_attention_config"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, exact_steps: {first: -1}}",
            "attention_config.exact_steps.first must be at least 0, not -1"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, exact_steps: 2}",
            "attention_config.exact_steps must be a mapping, not 2"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, exact_layers: ['blocks.[']}",
            "attention_config.exact_layers[0] is no pattern: the text \"blocks.[\""
        ),
        (
            "attention_config: {sparse_attention_config: {algorithm: skip_softmax}}",
            "attention_config.sparse_attention_config with algorithm skip_softmax needs backend TRTLLM or CUTEDSL, "
                + "not VANILLA"
        ),
        (
            "attention_config: {backend: FA4, sparse_attention_config: {algorithm: vsa}}",
            "attention_config.sparse_attention_config with algorithm vsa needs backend TRTLLM or CUTEDSL, not FA4"
        ),
        (
            "attention_config: {backend: TE, sparse_attention_config: {algorithm: sol_attn}}",
            "attention_config.sparse_attention_config with algorithm sol_attn needs backend TRTLLM or CUTEDSL, "
                + "not TE"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, sparse_attention_config: {algorithm: vsa}}",
            "attention_config.sparse_attention_config with algorithm vsa excludes quant_attention_config"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, "
                + "sparse_attention_config: {algorithm: sol_attn}}",
            "attention_config.sparse_attention_config with algorithm sol_attn excludes quant_attention_config"
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {}, "
                + "sparse_attention_config: {algorithm: skip_softmax}}",
            "attention_config.sparse_attention_config with algorithm skip_softmax and backend CUTEDSL needs qk_dtype "
                + "mxfp8 or nvfp4, not bf16"
        ),
        (
            "attention_config: {backend: TRTLLM, sparse_attention_config: {algorithm: topk}}",
            "attention_config.sparse_attention_config.algorithm must be one of skip_softmax, vsa, sol_attn, "
                + "not \"topk\""
        ),
        (
            "attention_config: {backend: TRTLLM, sparse_attention_config: {algorithm: skip_softmax, target_sparsity: 2}}",
            "attention_config.sparse_attention_config.target_sparsity must be from 0 to 1, not 2"
        ),
        (
            "attention_config: {backend: CUTEDSL, sparse_attention_config: {algorithm: vsa, vsa_sparsity: -0.1}}",
            "attention_config.sparse_attention_config.vsa_sparsity must be from 0 to 1, not -0.1"
        ),
        (
            "attention_config: {backend: CUTEDSL, sparse_attention_config: "
                + "{algorithm: sol_attn, disabled_until_timestep: 0}}",
            "attention_config.sparse_attention_config.disabled_until_timestep must be above 0, at most 1, not 0"
        ),
        (
            "attention_config: {backend: CUTEDSL, sparse_attention_config: {algorithm: sol_attn, dense_layers: [-1]}}",
            "attention_config.sparse_attention_config.dense_layers[0] must be at least 0, not -1"
        ),
        (
            "attention_config: {backend: TRTLLM, quant_attention_config: {q_block_size: -1}}",
            "attention_config.quant_attention_config.q_block_size must be at least 0, not -1"
        ),
    ])
    func refuses(_ yaml: String, _ sentence: String) {
        #expect(problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) } == [sentence])
    }

    /// One rule does not hide another.
    @Test func tellsAllThatIsWrongWithARingAndAMesh() {
        let yaml =
            "parallel_config: {ring_size: 2, attn2d_size: [2, 1]}\nattention_config: {backend: TRTLLM, "
            + "sparse_attention_config: {algorithm: vsa}}"
        #expect(
            problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) } == [
                "parallel_config.ring_size is 2 and attn2d_size is [2, 1], of which one must be 1",
                "parallel_config.ring_size needs attention_config.backend FA4 or CUTEDSL, not TRTLLM",
                "parallel_config.ring_size excludes attention_config.sparse_attention_config with algorithm vsa",
            ])
    }

    @Test(arguments: [
        (AttentionConfig.Backend.trtllm, "int8", "fp8", [1, 1, 1]), (.trtllm, "int8", "fp8", [1, 4, 1]),
        (.trtllm, "int8", "fp8", [1, 16, 1]), (.trtllm, "fp8", "fp8", [1, 1, 1]), (.trtllm, "fp8", "fp8", [1, 4, 1]),
        (.cuteDSL, "bf16", "fp8", [0, 0, 0]), (.cuteDSL, "mxfp8", "fp8", [0, 0, 0]),
        (.cuteDSL, "mxfp8", "fp8", [0, 0, 1]), (.cuteDSL, "nvfp4", "fp8", [0, 0, 0]),
        (.cuteDSL, "nvfp4", "fp8", [0, 0, 1]), (.flashInfer, "mxfp8", "fp8", [0, 0, 0]),
        (.flashInfer, "nvfp4", "fp8", [0, 0, 0]), (.flashInfer, "nvfp4", "nvfp4", [0, 0, 0]),
    ])
    func allowsTheRecipesOfABackend(
        _ backend: AttentionConfig.Backend, _ qk: String, _ v: String, _ blocks: [Int]
    ) throws {
        let recipe: ConfigValue = [
            "qk_dtype": .string(qk), "v_dtype": .string(v), "q_block_size": .int(blocks[0]),
            "k_block_size": .int(blocks[1]), "v_block_size": .int(blocks[2]),
        ]
        for other in AttentionConfig.Backend.allCases where other == backend || other == .fa4 {
            let attention: ConfigValue = ["backend": .string(other.rawValue), "quant_attention_config": recipe]
            let found = problems { () throws(ConfigurationError) in
                try VisualGenArgs(dictionary: ["attention_config": attention])
            }
            #expect(found.isEmpty == (other == backend))
        }
    }

    @Test(arguments: [
        "{backend: TRTLLM, quant_attention_config: {qk_dtype: int8, q_block_size: 1, k_block_size: 16, v_block_size: 1}, "
            + "sparse_attention_config: {algorithm: skip_softmax}}",
        "{backend: CUTEDSL, quant_attention_config: {qk_dtype: nvfp4}, sparse_attention_config: {algorithm: skip_softmax}}",
        "{backend: TRTLLM, sparse_attention_config: {algorithm: vsa}}",
        "{backend: TRTLLM, sparse_attention_config: {algorithm: sol_attn, disabled_until_timestep: 1}}",
    ])
    func allowsSparseAttentionWhereItWorks(_ attention: String) throws {
        _ = try VisualGenArgs(yamlText: "attention_config: \(attention)\nparallel_config: {ulysses_size: 2}")
    }

    @Test func countsTheWorkersOfAMeshOrARing() throws {
        var parallel = ParallelConfig()
        parallel.cfgSize = 2
        parallel.tpSize = 3
        parallel.ulyssesSize = 4
        #expect(parallel.workerCount == 24)
        parallel.ringSize = 5
        #expect(parallel.workerCount == 120)
        parallel.ringSize = 1
        parallel.attn2dSize = Attention2DSize(2, 3)
        #expect(parallel.workerCount == 144)
        parallel.tpSize = .max
        #expect(parallel.workerCount == .max)
    }

    @Test func holdsHeadsAgainstTheWorkersThatShareThem() {
        var parallel = ParallelConfig()
        parallel.tpSize = 2
        parallel.ulyssesSize = 4
        #expect(parallel.problems(heads: 24).isEmpty)
        #expect(
            parallel.problems(heads: 20, keyValueHeads: 4).map(\.description) == [
                "parallel_config has tp_size × ulysses_size = 8, which does not divide the model's 20 attention heads; 1, 2, 4, 5, 10, 20 do",
                "parallel_config has tp_size × ulysses_size = 8, which does not divide the model's 4 key and value heads; 1, 2, 4 do",
            ])
    }

    @Test func holdsTheBranchesAgainstTheModel() {
        var parallel = ParallelConfig()
        #expect(parallel.problems(guidanceBranches: 1).isEmpty)
        parallel.cfgSize = 2
        #expect(parallel.problems(guidanceBranches: 2).isEmpty)
        #expect(
            parallel.problems(guidanceBranches: 1).map(\.description)
                == ["parallel_config.cfg_size is 2, but the model computes one guidance branch only"])
    }

    @Test func holdsThePipelinesSettingsAgainstTheModel() {
        var args = VisualGenArgs()
        args.pipelineConfig = ["text_encoder_pth": "a", "distilled_lora_path": nil, "zoom": 2]
        #expect(
            args.problems(pipelineConfigKeys: ["text_encoder_path", "distilled_lora_path"]).map(\.description) == [
                "pipeline_config.text_encoder_pth is not a setting of this model's pipeline; "
                    + "did you mean text_encoder_path?",
                "pipeline_config.zoom is not a setting of this model's pipeline; "
                    + "it takes distilled_lora_path, text_encoder_path",
            ])
        args.pipelineConfig = ["zoom": 2]
        #expect(
            args.problems(pipelineConfigKeys: []).map(\.description)
                == ["pipeline_config.zoom is not a setting of this model's pipeline; it takes none"])
    }

    @Test func takesModelOptsGroupsForDynamicOrNot() throws {
        func quantisation(_ yaml: String) throws -> [Bool] {
            let quantisation = try VisualGenArgs(yamlText: "quant_config: \(yaml)").quantConfig
            return [quantisation.quantizesWeightsAtLoad, quantisation.scalesActivationsAtRun]
        }
        let groups =
            "config_groups: {group_1: {}, group_0: {weights: {dynamic: false}, input_activations: {dynamic: true}}}"
        #expect(try quantisation("{quant_algo: FP8}") == [true, true])
        #expect(try quantisation("{quant_algo: FP8, dynamic: false}") == [false, false])
        #expect(try quantisation("{quant_algo: FP8, \(groups)}") == [false, true])
        #expect(try quantisation("{quant_algo: FP8, dynamic: true, \(groups)}") == [false, true])
        #expect(try quantisation("{quant_algo: FP8, config_groups: {g: {}}}") == [false, false])
    }
}
