import Testing
import VisualGen

/// Every case is YAML and the one sentence that says what is wrong with it.
@Suite struct ArgumentsFieldTests {
    @Test(arguments: [
        ("modle: a", "modle is not a field; did you mean model?"),
        ("Model: a", "Model is not a field; did you mean model?"),
        ("parallel_config: {ulyses_size: 2}", "parallel_config.ulyses_size is not a field; did you mean ulysses_size?"),
        ("parallel_config: {dit_cfg_size: 2}", "parallel_config.dit_cfg_size is not a field; did you mean cfg_size?"),
        ("cuda_graph_config: {graphs: true}", "cuda_graph_config.graphs is not a field; the fields are enable"),
        (
            "cache_config: {cache_backend: teacache, limit: 1}",
            "cache_config.limit is not a field; the fields are cache_backend, teacache_thresh, use_ret_steps, "
                + "coefficients, coefficients_2, max_error"
        ),
        (
            "cache_config: {cache_backend: cache_dit, fn_compute_block: 1}",
            "cache_config.fn_compute_block is not a field; did you mean Fn_compute_blocks?"
        ),
        (
            "attention_config: {quant_attention_config: {qk_dtyp: fp8}, backend: CUTEDSL}",
            "attention_config.quant_attention_config.qk_dtyp is not a field; did you mean qk_dtype?"
        ),
        (
            "\"a\\nb\": 1",
            "\"a\\nb\" is not a field; the fields are model, revision, quant_config, compilation_config, "
                + "torch_compile_config, cuda_graph_config, attention_config, parallel_config, cache_config, "
                + "pipeline_config, enable_layerwise_nvtx_marker, cpu_offload_config, runtime_lora_config, device, "
                + "dtype, threads, memory_limit, allow_unknown, worker_mode, worker_timeout, guardrail_config"
        ),
    ])
    func refusesUnknownNames(_ yaml: String, _ sentence: String) {
        #expect(problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) } == [sentence])
    }

    @Test func readsAFieldUnderItsFormerName() throws {
        for (yaml, expected) in [
            ("allow_unknown: true", true), ("allow_unknown_config: true", true),
            ("{allow_unknown: false, allow_unknown_config: true}", false),
        ] {
            #expect(try VisualGenArgs(yamlText: yaml).allowUnknown == expected, "\(yaml)")
        }
        let overridden = try VisualGenArgs(yamlText: "allow_unknown_config: false", overrides: ["allow_unknown": true])
        #expect(overridden.allowUnknown && overridden.allowUnknownConfig)
        #expect(
            problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: "allow_unknown_config: 3") }
                == ["allow_unknown must be true or false, not 3"])
    }

    @Test(arguments: [
        ("model: 5", "model must be text, not 5"),
        ("model: null", "model must be text, not null"),
        ("model: [a]", "model must be text, not a list"),
        ("revision: 1.5", "revision must be text, not 1.5"),
        ("revision: no", "revision must be text, not false"),
        ("parallel_config: 2", "parallel_config must be a mapping, not 2"),
        ("parallel_config: {cfg_size: \"2\"}", "parallel_config.cfg_size must be a whole number, not the text \"2\""),
        ("parallel_config: {cfg_size: 2.0}", "parallel_config.cfg_size must be a whole number, not 2"),
        ("parallel_config: {cfg_size: true}", "parallel_config.cfg_size must be a whole number, not true"),
        ("parallel_config: {cfg_size: yes}", "parallel_config.cfg_size must be a whole number, not true"),
        ("parallel_config: {cfg_size: }", "parallel_config.cfg_size must be a whole number, not null"),
        (
            "parallel_config: {tp_size: 99999999999999999999}",
            "parallel_config.tp_size must be a whole number, not 1e+20"
        ),
        ("parallel_config: {async_ulysses: 1}", "parallel_config.async_ulysses must be true or false, not 1"),
        (
            "parallel_config: {async_ulysses: \"yes\"}",
            "parallel_config.async_ulysses must be true or false, not the text \"yes\""
        ),
        (
            "parallel_config: {attn2d_size: 2}",
            "parallel_config.attn2d_size must be two whole numbers [rows, columns], not 2"
        ),
        (
            "parallel_config: {attn2d_size: [2, 2, 2]}",
            "parallel_config.attn2d_size must be two whole numbers [rows, columns], not [2, 2, 2]"
        ),
        (
            "guardrail_config: {url: localhost}",
            "guardrail_config.url must be an address of http or https, without a user, not the text \"localhost\""
        ),
        ("guardrail_config: {timeout: 0}", "guardrail_config.timeout must be above 0 and at most 3600, not 0"),
        ("guardrail_config: {frames: 0}", "guardrail_config.frames must be from 1 to 256, not 0"),
        ("cuda_graph_config: {enable: null}", "cuda_graph_config.enable must be true or false, not null"),
        ("quant_config: FP8", "quant_config must be a mapping, not the text \"FP8\""),
        ("quant_config: {ignore: proj_out}", "quant_config.ignore must be a list, not the text \"proj_out\""),
        ("quant_config: {ignore: [1]}", "quant_config.ignore[0] must be text, not 1"),
        ("quant_config: {group_size: 1.5}", "quant_config.group_size must be a whole number, not 1.5"),
        ("quant_config: {config_groups: {group_0: 1}}", "quant_config.config_groups.group_0 must be a mapping, not 1"),
        (
            "quant_config: {config_groups: {g: {weights: {dynamic: 1}}}}",
            "quant_config.config_groups.g.weights.dynamic must be true or false, not 1"
        ),
        (
            "compilation_config: {resolutions: [720]}",
            "compilation_config.resolutions[0] must be two whole numbers [height, width], not 720"
        ),
        ("compilation_config: {num_frames: 80}", "compilation_config.num_frames must be a list, not 80"),
        ("cache_config: teacache", "cache_config must be a mapping, not the text \"teacache\""),
        (
            "cache_config: {cache_backend: teacache, coefficients: [a]}",
            "cache_config.coefficients[0] must be a number, not the text \"a\""
        ),
        (
            "cache_config: {cache_backend: teacache, teacache_thresh: .nan}",
            "cache_config.teacache_thresh must be a finite number, not .nan"
        ),
        (
            "cache_config: {cache_backend: teacache, coefficients: [1, -.inf]}",
            "cache_config.coefficients[1] must be a finite number, not -.inf"
        ),
        ("pipeline_config: [a]", "pipeline_config must be a mapping, not a list"),
        ("pipeline_config: {a: {b: [.inf]}}", "pipeline_config.a.b[0] must be a finite number, not .inf"),
        ("cpu_offload_config: {stages: vae}", "cpu_offload_config.stages must be a list, not the text \"vae\""),
        (
            "cpu_offload_config: {stages: [1]}",
            "cpu_offload_config.stages[0] must be a component's name or a list of names, not 1"
        ),
        ("cpu_offload_config: {stages: [[vae, 1]]}", "cpu_offload_config.stages[0][1] must be text, not 1"),
        ("runtime_lora_config: {path: a, key_map: {b: 1}}", "runtime_lora_config.key_map.b must be text, not 1"),
        ("runtime_lora_config: {path: a, scale: .inf}", "runtime_lora_config.scale must be a finite number, not .inf"),
        (
            "memory_limit: lots",
            "memory_limit must be a number of bytes, or text such as 8GB or 8GiB, not the text \"lots\""
        ),
        (
            "memory_limit: 8.5",
            "memory_limit must be a number of bytes, or text such as 8GB or 8GiB, not 8.5"
        ),
        (
            "memory_limit: 99999999TB",
            "memory_limit must be a number of bytes, or text such as 8GB or 8GiB, not the text \"99999999TB\""
        ),
        ("device: gpu", "device must be cpu, cuda or cuda:N, not the text \"gpu\""),
        ("device: 'cuda:'", "device must be cpu, cuda or cuda:N, not the text \"cuda:\""),
        ("device: 'cuda:-1'", "device must be cpu, cuda or cuda:N, not the text \"cuda:-1\""),
    ])
    func refusesValuesOfAnotherType(_ yaml: String, _ sentence: String) {
        #expect(problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) } == [sentence])
    }

    @Test(arguments: [
        ("parallel_config: {cfg_size: 3}", "parallel_config.cfg_size must be from 1 to 2, not 3"),
        ("parallel_config: {ulysses_size: 0}", "parallel_config.ulysses_size must be at least 1, not 0"),
        ("parallel_config: {tp_size: -2}", "parallel_config.tp_size must be at least 1, not -2"),
        ("parallel_config: {ring_size: 0}", "parallel_config.ring_size must be at least 1, not 0"),
        ("parallel_config: {parallel_vae_size: 0}", "parallel_config.parallel_vae_size must be at least 1, not 0"),
        (
            "parallel_config: {attn2d_size: [0, 2]}",
            "parallel_config.attn2d_size must be two whole numbers [rows, columns] of at least 1 each, not [0, 2]"
        ),
        (
            "parallel_config: {parallel_vae_split_dim: depth}",
            "parallel_config.parallel_vae_split_dim must be one of width, height, not \"depth\""
        ),
        (
            "attention_config: {backend: vanilla}",
            "attention_config.backend must be one of VANILLA, TRTLLM, FA4, CUTEDSL, FLASHINFER, TE, CUDNN, "
                + "not \"vanilla\"; did you mean VANILLA?"
        ),
        (
            "attention_config: {backend: 4}",
            "attention_config.backend must be one of VANILLA, TRTLLM, FA4, CUTEDSL, FLASHINFER, TE, CUDNN, not 4"
        ),
        (
            "quant_config: {quant_algo: INT3}",
            "quant_config.quant_algo must be one of FP8, FP8_PER_CHANNEL_PER_TOKEN, FP8_BLOCK_SCALES, NVFP4, "
                + "W4A16_AWQ, W4A8_AWQ, W8A8_SQ_PER_CHANNEL, not \"INT3\""
        ),
        (
            "quant_config: {quant_algo: NVFP4, group_size: 32}",
            "quant_config.group_size must be 16 for NVFP4, not 32"
        ),
        (
            "quant_config: {quant_algo: FP8_BLOCK_SCALES, group_size: 16}",
            "quant_config.group_size must be 128 for FP8_BLOCK_SCALES, not 16"
        ),
        ("quant_config: {ignore: [a, \"[\"]}", "quant_config.ignore[1] is no pattern: the text \"[\""),
        ("quant_config: {ignore: [\"\"]}", "quant_config.ignore[0] is no pattern: the text \"\""),
        ("quant_config: {ignore: a}", "quant_config.ignore must be a list, not the text \"a\""),
        ("quant_config: {ignore: [1]}", "quant_config.ignore[0] must be text, not 1"),
        ("quant_config: {group_size: 0}", "quant_config.group_size must be at least 1, not 0"),
        (
            "compilation_config: {resolutions: [[0, 64]]}",
            "compilation_config.resolutions[0] must be two whole numbers [height, width] of at least 1 each, "
                + "not [0, 64]"
        ),
        ("compilation_config: {num_frames: [1, 0]}", "compilation_config.num_frames[1] must be at least 1, not 0"),
        (
            "cache_config: {teacache_thresh: 1}",
            "cache_config.cache_backend is missing; it must be one of teacache, cache_dit"
        ),
        (
            "cache_config: {cache_backend: deepcache}",
            "cache_config.cache_backend must be one of teacache, cache_dit, not \"deepcache\""
        ),
        (
            "cache_config: {cache_backend: null}",
            "cache_config.cache_backend must be one of teacache, cache_dit, not null"
        ),
        (
            "cache_config: {cache_backend: teacache, teacache_thresh: 0}",
            "cache_config.teacache_thresh must be above 0, not 0"
        ),
        ("cache_config: {cache_backend: teacache, coefficients: []}", "cache_config.coefficients must not be empty"),
        (
            "cache_config: {cache_backend: teacache, coefficients_2: []}",
            "cache_config.coefficients_2 must not be empty"
        ),
        (
            "cache_config: {cache_backend: cache_dit, Fn_compute_blocks: -1}",
            "cache_config.Fn_compute_blocks must be at least 1, not -1"
        ),
        (
            "cache_config: {cache_backend: cache_dit, Bn_compute_blocks: -1}",
            "cache_config.Bn_compute_blocks must be at least 0, not -1"
        ),
        (
            "cache_config: {cache_backend: cache_dit, max_warmup_steps: -1}",
            "cache_config.max_warmup_steps must be at least 0, not -1"
        ),
        (
            "cache_config: {cache_backend: cache_dit, max_continuous_cached_steps: -2}",
            "cache_config.max_continuous_cached_steps must be at least -1, not -2"
        ),
        (
            "cache_config: {cache_backend: cache_dit, residual_diff_threshold: -0.5}",
            "cache_config.residual_diff_threshold must be above 0, not -0.5"
        ),
        (
            "cache_config: {cache_backend: cache_dit, force_refresh_step_hint: 0}",
            "cache_config.force_refresh_step_hint must be at least 1, not 0"
        ),
        (
            "cache_config: {cache_backend: cache_dit, max_error: 0}",
            "cache_config.max_error must be above 0, not 0"
        ),
        (
            "cache_config: {cache_backend: teacache, max_error: -1}",
            "cache_config.max_error must be above 0, not -1"
        ),
        (
            "cache_config: {cache_backend: cache_dit, taylorseer_order: 5}",
            "cache_config.taylorseer_order must be from 1 to 4, not 5"
        ),
        (
            "cache_config: {cache_backend: cache_dit, scm_steps_mask_policy: quick}",
            "cache_config.scm_steps_mask_policy must be one of slow, medium, fast, ultra, not \"quick\""
        ),
        (
            "cache_config: {cache_backend: cache_dit, scm_steps_policy: null}",
            "cache_config.scm_steps_policy must be one of dynamic, static, not null"
        ),
        (
            "cache_config: {cache_backend: cache_dit, force_refresh_step_policy: twice}",
            "cache_config.force_refresh_step_policy must be one of once, repeat, not \"twice\""
        ),
        ("cpu_offload_config: {stages: [[]]}", "cpu_offload_config.stages[0] must not be empty"),
        ("runtime_lora_config: {}", "runtime_lora_config.path must not be empty"),
        ("runtime_lora_config: [{path: a}, {}]", "runtime_lora_config[1].path must not be empty"),
        ("runtime_lora_config: 3", "runtime_lora_config must be a mapping or a list of mappings, not 3"),
        ("threads: 0", "threads must be from 1 to 1024, not 0"),
        ("threads: 1025", "threads must be from 1 to 1024, not 1025"),
        ("memory_limit: 0", "memory_limit must be at least 1 byte, not 0"),
        ("dtype: float64", "dtype must be one of bfloat16, float16, float32, not \"float64\"; did you mean float16?"),
        ("worker_mode: thread", "worker_mode must be one of process, in_process, not \"thread\""),
        ("worker_timeout: 0", "worker_timeout must be above 0, not 0"),
        ("worker_timeout: .inf", "worker_timeout must be a finite number, not .inf"),
    ])
    func refusesValuesOutOfRange(_ yaml: String, _ sentence: String) {
        #expect(problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) } == [sentence])
    }

    @Test(arguments: [
        ("8GB", 8_000_000_000), ("8GiB", 8_589_934_592), ("1.5 KiB", 1536), ("700mb", 700_000_000), ("512B", 512),
        ("2TiB", 2_199_023_255_552),
    ])
    func readsBytesWithTheirUnit(_ text: String, _ bytes: Int) throws {
        #expect(try VisualGenArgs(dictionary: ["memory_limit": .string(text)]).memoryLimit == bytes)
        #expect(try VisualGenArgs(dictionary: ["memory_limit": .int(bytes)]).memoryLimit == bytes)
    }

    @Test func readsDevices() throws {
        #expect(try VisualGenArgs(yamlText: "device: cuda").device == .cuda(index: nil))
        #expect(try VisualGenArgs(yamlText: "device: cuda:3").device == .cuda(index: 3))
    }

    @Test func takesAWholeNumberWhereAFractionIsAllowed() throws {
        #expect(try VisualGenArgs(yamlText: "worker_timeout: 60").workerTimeout == 60)
    }
}
