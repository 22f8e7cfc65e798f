import Testing
import VisualGen

@Suite struct ArgumentsRoundTripTests {
    /// A configuration in which nothing that can be changed together has its default.
    private static let changed: ConfigValue = [
        "model": "a \"b\" c\\d: #\n\u{85}é", "revision": "1.0",
        "quant_config": [
            "quant_algo": "FP8", "dynamic": false, "ignore": ["*.x", "no"], "group_size": 64,
            "config_groups": ["group_0": ["weights": ["dynamic": true, "num_bits": 8], "targets": ["Linear"]]],
        ],
        "compilation_config": [
            "resolutions": [[720, 1280], [480, 832]], "num_frames": [1, 81], "skip_warmup": true,
        ],
        "torch_compile_config": ["enable": false, "enable_fullgraph": true, "enable_autotune": false],
        "cuda_graph_config": ["enable": true],
        "attention_config": [
            "backend": "CUTEDSL",
            "quant_attention_config": [
                "qk_dtype": "nvfp4", "v_dtype": "fp8", "q_block_size": 0, "k_block_size": 0, "v_block_size": 1,
            ],
            "exact_steps": ["first": 2, "last": 1], "exact_layers": ["blocks.0.*"],
            "sparse_attention_config": [
                "algorithm": "skip_softmax", "threshold_scale_factor": 1e-300, "target_sparsity": 0.1,
                "disabled_until_timestep": 1.0,
            ],
        ],
        "parallel_config": [
            "cfg_size": 2, "ulysses_size": 2, "async_ulysses": false, "ring_size": 3, "attn2d_size": [1, 1],
            "tp_size": 2, "parallel_vae_size": 4, "parallel_vae_split_dim": "height",
        ],
        "cache_config": [
            "cache_backend": "cache_dit", "Fn_compute_blocks": 3, "Bn_compute_blocks": 2, "max_warmup_steps": 1,
            "max_cached_steps": 7, "max_continuous_cached_steps": -1, "residual_diff_threshold": 0.5,
            "enable_separate_cfg": false, "enable_taylorseer": true, "taylorseer_order": 4,
            "scm_steps_mask_policy": "ultra", "scm_steps_policy": "static", "force_refresh_step_hint": 9,
            "force_refresh_step_policy": "repeat", "max_error": 0.25,
        ],
        "pipeline_config": ["a": [nil, true, 1, 1.0, 1e300, "yes", "", ["b": [:], "1": []]]],
        "enable_layerwise_nvtx_marker": true,
        "cpu_offload_config": [
            "enable": true, "pin_memory": false, "stages": ["vae", ["text_encoder", "transformer"]],
        ],
        "runtime_lora_config": [
            "path": "/a", "scale": -0.5, "target_components": ["transformer"], "strip_prefixes": ["x."],
            "key_map": ["a.b": "c"], "fuse_qkv": false, "strict": false,
        ],
        "device": "cuda:1", "dtype": "float32", "threads": 4, "memory_limit": 123, "allow_unknown": true,
        "worker_mode": "in_process", "worker_timeout": 0.5,
        "guardrail_config": ["url": "https://checker.example:9000/v1", "timeout": 0.5, "frames": 3, "optional": true],
    ]

    @Test func givesBackTheValuesThatWereRead() throws {
        guard case .mapping(let fields) = Self.changed else { return }
        let args = try VisualGenArgs(dictionary: fields)
        #expect(args.dictionary == fields)
        for (name, value) in VisualGenArgs().dictionary { #expect(fields[name] != value, "\(name)") }
    }

    @Test func isEqualAfterADictionaryAndAfterYAML() throws {
        guard case .mapping(let fields) = Self.changed else { return }
        for args in [VisualGenArgs(), try VisualGenArgs(dictionary: fields)] {
            #expect(try VisualGenArgs(dictionary: args.dictionary) == args)
            #expect(try VisualGenArgs(yamlText: ConfigValue.mapping(args.dictionary).description) == args)
        }
    }

    @Test func tellsConfigurationsApart() throws {
        guard case .mapping(let fields) = Self.changed else { return }
        let args = try VisualGenArgs(dictionary: fields)
        for name in fields.keys where name != "attention_config" {
            #expect(try VisualGenArgs(dictionary: fields.filter { $0.key != name }) != args, "\(name)")
        }
    }
}
