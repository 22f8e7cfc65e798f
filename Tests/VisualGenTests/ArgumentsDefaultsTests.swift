import Testing
import VisualGen

@Suite struct ArgumentsDefaultsTests {
    @Test func writesEveryFieldWithItsDefault() {
        #expect(
            VisualGenArgs().dictionary == [
                "model": "", "revision": nil,
                "quant_config": [
                    "quant_algo": nil, "dynamic": nil, "ignore": [], "group_size": nil, "config_groups": [:],
                ],
                "compilation_config": ["resolutions": nil, "num_frames": nil, "skip_warmup": false],
                "torch_compile_config": ["enable": true, "enable_fullgraph": false, "enable_autotune": true],
                "cuda_graph_config": ["enable": false],
                "attention_config": [
                    "backend": "VANILLA", "quant_attention_config": nil, "sparse_attention_config": nil,
                    "exact_steps": ["first": 0, "last": 0], "exact_layers": [],
                ],
                "parallel_config": [
                    "cfg_size": 1, "ulysses_size": 1, "async_ulysses": false, "ring_size": 1, "attn2d_size": [1, 1],
                    "tp_size": 1, "parallel_vae_size": 1, "parallel_vae_split_dim": "width",
                ],
                "cache_config": nil, "pipeline_config": [:], "enable_layerwise_nvtx_marker": false,
                "cpu_offload_config": ["enable": false, "pin_memory": true, "stages": nil],
                "runtime_lora_config": nil,
                "device": "cpu", "dtype": nil, "threads": nil, "memory_limit": nil,
                "allow_unknown": false, "worker_mode": "process", "worker_timeout": 300.0,
                "guardrail_config": ["url": nil, "timeout": 30.0, "frames": 8, "optional": false],
            ])
    }

    @Test(
        arguments: [
            (
                "cache_config", ["cache_backend": "teacache"],
                [
                    "cache_backend": "teacache", "teacache_thresh": 0.2, "use_ret_steps": false, "coefficients": nil,
                    "coefficients_2": nil, "max_error": nil,
                ]
            ),
            (
                "cache_config", ["cache_backend": "cache_dit"],
                [
                    "cache_backend": "cache_dit", "Fn_compute_blocks": 1, "Bn_compute_blocks": 0, "max_warmup_steps": 4,
                    "max_cached_steps": -1, "max_continuous_cached_steps": 3, "residual_diff_threshold": 0.24,
                    "enable_separate_cfg": nil, "enable_taylorseer": false, "taylorseer_order": 1,
                    "scm_steps_mask_policy": nil, "scm_steps_policy": "dynamic", "force_refresh_step_hint": nil,
                    "force_refresh_step_policy": "once", "max_error": nil,
                ]
            ),
            (
                "attention_config", ["backend": "CUTEDSL", "quant_attention_config": [:]],
                [
                    "backend": "CUTEDSL", "sparse_attention_config": nil, "exact_steps": ["first": 0, "last": 0],
                    "exact_layers": [],
                    "quant_attention_config": [
                        "qk_dtype": "bf16", "v_dtype": "fp8", "q_block_size": 0, "k_block_size": 0, "v_block_size": 0,
                    ],
                ]
            ),
            (
                "attention_config", ["backend": "TRTLLM", "sparse_attention_config": ["algorithm": "skip_softmax"]],
                [
                    "backend": "TRTLLM", "quant_attention_config": nil, "exact_steps": ["first": 0, "last": 0],
                    "exact_layers": [],
                    "sparse_attention_config": [
                        "algorithm": "skip_softmax", "threshold_scale_factor": nil, "target_sparsity": nil,
                        "disabled_until_timestep": nil,
                    ],
                ]
            ),
            (
                "attention_config", ["backend": "CUTEDSL", "sparse_attention_config": ["algorithm": "vsa"]],
                [
                    "backend": "CUTEDSL", "quant_attention_config": nil, "exact_steps": ["first": 0, "last": 0],
                    "exact_layers": [],
                    "sparse_attention_config": ["algorithm": "vsa", "vsa_sparsity": 0.9],
                ]
            ),
            (
                "attention_config", ["backend": "CUTEDSL", "sparse_attention_config": ["algorithm": "sol_attn"]],
                [
                    "backend": "CUTEDSL", "quant_attention_config": nil, "exact_steps": ["first": 0, "last": 0],
                    "exact_layers": [],
                    "sparse_attention_config": [
                        "algorithm": "sol_attn", "tau": 1.0, "thresh_type": "diag", "disabled_until_timestep": nil,
                        "dense_layers": nil,
                    ],
                ]
            ),
            (
                "runtime_lora_config", ["path": "a"],
                [
                    "path": "a", "scale": 1.0, "target_components": [], "strip_prefixes": [], "key_map": [:],
                    "fuse_qkv": true, "strict": true,
                ]
            ),
        ] as [(String, ConfigValue, ConfigValue)])
    func fillsInTheDefaultsOfAPart(_ field: String, _ given: ConfigValue, _ expected: ConfigValue) throws {
        #expect(try VisualGenArgs(dictionary: [field: given]).dictionary[field] == expected)
    }

    @Test(arguments: [
        "quant_config", "compilation_config", "torch_compile_config", "cuda_graph_config", "attention_config",
        "parallel_config", "cache_config", "pipeline_config", "cpu_offload_config", "runtime_lora_config",
        "guardrail_config",
    ])
    func takesNullForTheDefaultOfAPart(_ field: String) throws {
        #expect(try VisualGenArgs(dictionary: [field: nil]) == VisualGenArgs())
    }

    @Test func hasDefaultsThatAreRightAndAvailable() throws {
        try VisualGenArgs().validate()
        #expect(VisualGenArgs().unavailable().isEmpty)
        #expect(VisualGenArgs().parallelConfig.workerCount == 1)
    }
}
