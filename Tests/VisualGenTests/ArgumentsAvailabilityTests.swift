import Testing
import VisualGen

@Suite struct ArgumentsAvailabilityTests {
    private func unavailable(_ yaml: String) throws -> [String] {
        try VisualGenArgs(yamlText: yaml).unavailable().map(\.description)
    }

    @Test(arguments: [
        (
            "quant_config: {quant_algo: W4A16_AWQ}",
            [
                "quant_config.quant_algo W4A16_AWQ is not available in this build; it has FP8, "
                    + "FP8_PER_CHANNEL_PER_TOKEN, FP8_BLOCK_SCALES, NVFP4, W8A8_SQ_PER_CHANNEL"
            ]
        ),
        ("cuda_graph_config: {enable: true}", ["cuda_graph_config.enable true is not available with device cpu"]),
        (
            "attention_config: {backend: TE}",
            [
                "attention_config.backend TE is not available in this build; it has VANILLA, TRTLLM, FA4, CUTEDSL, "
                    + "CUDNN"
            ]
        ),
        (
            "attention_config: {backend: FLASHINFER, quant_attention_config: {qk_dtype: mxfp8}}",
            [
                "attention_config.backend FLASHINFER is not available in this build; it has VANILLA, TRTLLM, FA4, "
                    + "CUTEDSL, CUDNN",
                "attention_config.quant_attention_config mxfp8/fp8 (0,0,0) is not available in this build",
            ]
        ),
        (
            "attention_config: {backend: CUTEDSL, quant_attention_config: {qk_dtype: nvfp4}}",
            [
                "attention_config.quant_attention_config nvfp4/fp8 (0,0,0) is not available in this build; it has "
                    + "bf16/fp8 (0,0,0)"
            ]
        ),
        (
            "{device: cuda, cuda_graph_config: {enable: true}, cache_config: {cache_backend: cache_dit}, "
                + "parallel_config: {tp_size: 2, ulysses_size: 2}}",
            [
                "cuda_graph_config.enable true is not available with cache_config of cache_dit, which decides within a "
                    + "step",
                "cuda_graph_config.enable true is not available with parallel_config.tp_size above 1",
            ]
        ),
        (
            "{device: cuda, cuda_graph_config: {enable: true}, parallel_config: {ring_size: 2}, "
                + "attention_config: {backend: FA4}}",
            [
                "cuda_graph_config.enable true is not available with parallel_config.ring_size and attn2d_size above 1"
            ]
        ),
        (
            "{device: cuda, cuda_graph_config: {enable: true}, cpu_offload_config: {enable: true}}",
            ["cuda_graph_config.enable true is not available with cpu_offload_config.enable, which moves weights"]
        ),
        ("attention_config: {backend: CUDNN}", ["attention_config.backend CUDNN needs device cuda, not cpu"]),
        (
            "{device: cuda, dtype: float32, attention_config: {backend: CUDNN}}",
            ["attention_config.backend CUDNN needs dtype bfloat16 or float16, not float32"]
        ),
        (
            "attention_config: {backend: TRTLLM, sparse_attention_config: {algorithm: vsa}}",
            ["attention_config.sparse_attention_config is not available in this build"]
        ),
        ("enable_layerwise_nvtx_marker: true", ["enable_layerwise_nvtx_marker true is not available in this build"]),
        ("cpu_offload_config: {enable: true}", ["cpu_offload_config.enable true is not available with device cpu"]),
    ])
    func namesWhatThisBuildCannotDo(_ yaml: String, _ sentences: [String]) throws {
        #expect(try unavailable(yaml) == sentences)
    }

    @Test(arguments: [
        "torch_compile_config: {enable: false, enable_fullgraph: true, enable_autotune: false}",
        "parallel_config: {parallel_vae_split_dim: height}",
        "parallel_config: {ulysses_size: 3, parallel_vae_size: 3, parallel_vae_split_dim: height}",
        "parallel_config: {cfg_size: 2, ulysses_size: 2, async_ulysses: true, tp_size: 2}",
        "parallel_config: {attn2d_size: [2, 2]}\nattention_config: {backend: FA4}",
        "cpu_offload_config: {pin_memory: false, stages: [vae]}",
        "{device: cuda, cpu_offload_config: {enable: true, stages: [text_encoder, [transformer, vae]]}}",
        "attention_config: {backend: TRTLLM}", "attention_config: {backend: FA4}",
        "attention_config: {backend: CUTEDSL}",
        "{device: cuda, attention_config: {backend: CUDNN}}",
        "{device: cuda, attention_config: {backend: CUTEDSL, quant_attention_config: {}}}",
        "{device: cuda, dtype: float16, attention_config: {backend: CUDNN}}",
        "attention_config: {backend: CUTEDSL, quant_attention_config: {}, exact_steps: {first: 2}, exact_layers: ['*.0.*']}",
        "attention_config: {backend: TRTLLM, quant_attention_config: {qk_dtype: int8, q_block_size: 1, "
            + "k_block_size: 16, v_block_size: 1}}",
        "quant_config: {dynamic: true, ignore: [a]}", "quant_config: {quant_algo: FP8_PER_CHANNEL_PER_TOKEN}",
        "compilation_config: {resolutions: [[64, 64]], num_frames: [1]}",
        "{dtype: float32, threads: 2, memory_limit: 8GB, worker_mode: in_process, worker_timeout: 10}",
        "device: cuda:1", "runtime_lora_config: {path: a}", "runtime_lora_config: [{path: a}, {path: b, scale: 0.5}]",
        "{model: demo-image, revision: main, allow_unknown_config: true, pipeline_config: {a: 1}}",
    ])
    func acceptsWhatItHonoursAndWhatChangesNothing(_ yaml: String) throws {
        #expect(try unavailable(yaml).isEmpty)
    }

    @Test func acceptsEverythingThatALaterBuildHas() throws {
        let args = try VisualGenArgs(
            yamlText: """
                quant_config: {quant_algo: FP8}
                attention_config:
                  backend: TRTLLM
                  quant_attention_config: {qk_dtype: fp8, q_block_size: 1, k_block_size: 4, v_block_size: 1}
                  sparse_attention_config: {algorithm: skip_softmax}
                cache_config: {cache_backend: teacache}
                enable_layerwise_nvtx_marker: true
                cpu_offload_config: {enable: true}
                runtime_lora_config: {path: a}
                device: cuda
                """)
        var build = BuildFeatures()
        #expect(args.unavailable(in: build).count == 9)
        build.devices = ["cpu", "cuda"]
        build.attentionBackends = [.vanilla, .trtllm]
        build.quantAlgorithms = [.fp8]
        build.quantisedAttention = [.trtllm: ["fp8/fp8 (1,4,1)"]]
        build.sparseAttention = ["skip_softmax"]
        build.caches = ["teacache"]
        build.fields = [
            "enable_layerwise_nvtx_marker", "cpu_offload_config.enable",
            "runtime_lora_config",
        ]
        #expect(args.unavailable(in: build).isEmpty)
        build.caches = ["cache_dit"]
        #expect(
            args.unavailable(in: build).map(\.description)
                == ["cache_config is not available in this build; it has cache_dit"])
    }

    @Test func aLaunchOfSeveralProcessesNeedsAsManyWorkers() {
        let launch = ["RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "head"]
        var args = VisualGenArgs()
        #expect(
            args.launchProblems(launch) == [
                ConfigProblem("parallel_config", "makes 1 worker, but 2 processes were started")
            ])
        args.parallelConfig.cfgSize = 2
        #expect(args.launchProblems(launch) == [])
        #expect(args.launchProblems([:]) == [])
        #expect(
            args.launchProblems(["RANK": "0"]) == [ConfigProblem("", "RANK and WORLD_SIZE are needed together")])
    }
}
