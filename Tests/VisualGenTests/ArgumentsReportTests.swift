import Testing
import VisualGen

@Suite struct ArgumentsReportTests {
    @Test func namesAllProblemsAtOnce() throws {
        let yaml = """
            modle: a
            parallel_config: {cfg_size: 3, ulyses_size: 2, async_ulysses: 1}
            attention_config: {backend: FA4, quant_attention_config: {}}
            cache_config: {cache_backend: teacache, teacache_thresh: -1, coefficients: [1, x, y]}
            dtype: float8
            """
        let error = try #require(throws: ConfigurationError.self) { try VisualGenArgs(yamlText: yaml) }
        #expect(
            error.description == """
                the configuration has 9 problems:
                  attention_config.quant_attention_config needs backend TRTLLM, CUTEDSL or FLASHINFER, not FA4
                  parallel_config.cfg_size must be from 1 to 2, not 3
                  parallel_config.async_ulysses must be true or false, not 1
                  parallel_config.ulyses_size is not a field; did you mean ulysses_size?
                  cache_config.teacache_thresh must be above 0, not -1
                  cache_config.coefficients[1] must be a number, not the text "x"
                  cache_config.coefficients[2] must be a number, not the text "y"
                  dtype must be one of bfloat16, float16, float32, not "float8"; did you mean float16?
                  modle is not a field; did you mean model?
                """)
    }

    @Test func aReportHasAnEnd() throws {
        let yaml = (0..<4000).map { "name\($0): 1" }.joined(separator: "\n")
        let error = try #require(throws: ConfigurationError.self) { try VisualGenArgs(yamlText: yaml) }
        #expect(error.problems.count == 33)
        #expect(error.problems.last?.statement == "has 3968 more names that are not fields")
        #expect(error.description.utf8.count < 2200 && error.description.hasSuffix(" more"))
        var args = VisualGenArgs()
        for number in 0..<100 { args.pipelineConfig["name\(number)"] = 1 }
        #expect(args.problems(pipelineConfigKeys: ["a"]).count == 32)
    }

    @Test func refusesALongName() throws {
        let marks = String(repeating: "\u{301}\u{323}", count: 60)
        #expect(
            problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: "\(marks)abcdefghijklmnopq: 1") }
                == ["the YAML has a name of more than 256 bytes (line 1, column 1)"])
        let value = problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: "threads: \(marks)\(marks)")
        }
        #expect(value.count == 1 && value[0].utf8.count < 400)
    }

    @Test func namesTheProblemsOfSeveralRules() {
        var args = VisualGenArgs()
        args.parallelConfig.asyncUlysses = true
        args.parallelConfig.ringSize = 2
        args.parallelConfig.parallelVAESize = 3
        #expect(
            args.problems.map(\.description) == [
                "parallel_config.async_ulysses needs ulysses_size above 1, not 1",
                "parallel_config.async_ulysses needs ring_size 1, not 2",
                "parallel_config.parallel_vae_size is 3, but the other sizes make 2 workers",
            ])
    }

    /// The value that a wrong field would have had is unknown, so nothing is said about what depends on it.
    @Test func leavesOutRulesThatDependOnAWrongField() {
        let found = problems { () throws(ConfigurationError) in
            try VisualGenArgs(
                yamlText:
                    "attention_config: {backend: FA5, quant_attention_config: {}}\nparallel_config: {ring_size: 2}")
        }
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("attention_config.backend must be one of"))
    }

    @Test func checksValuesSetInCode() throws {
        var args = VisualGenArgs()
        args.workerTimeout = .nan
        args.parallelConfig.cfgSize = 5
        args.compilationConfig.resolutions = [Resolution(height: 64, width: 0)]
        args.pipelineConfig = ["a": .double(.infinity)]
        args.cpuOffloadConfig.stages = [[]]
        args.device = .cuda(index: -1)
        args.memoryLimit = -1
        var cache = TeaCacheConfig()
        cache.teacacheThresh = -.infinity
        args.cacheConfig = .teaCache(cache)
        let error = try #require(throws: ConfigurationError.self) { try args.validate() }
        #expect(
            error.problems.map(\.description) == [
                "compilation_config.resolutions[0] must be two whole numbers [height, width] of at least 1 each, "
                    + "not [64, 0]",
                "parallel_config.cfg_size must be from 1 to 2, not 5",
                "cache_config.teacache_thresh must be a finite number, not -.inf",
                "pipeline_config.a must be a finite number, not .inf",
                "cpu_offload_config.stages[0] must not be empty",
                "device must be cpu, cuda or cuda:N, not the text \"cuda:-1\"",
                "memory_limit must be at least 1 byte, not -1",
                "worker_timeout must be a finite number, not .nan",
            ])
    }

    @Test func isOneSentenceForOneProblem() throws {
        let error = try #require(throws: ConfigurationError.self) { try VisualGenArgs(yamlText: "threads: 0") }
        #expect(error.description == "threads must be from 1 to 1024, not 0")
    }

    @Test func keepsHostileTextOnOneLineAndShort() {
        let found = problems { () throws(ConfigurationError) in
            try VisualGenArgs(dictionary: [
                "device": .string("a\n\u{1B}[31m\u{202E}" + String(repeating: "x", count: 999))
            ])
        }
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("device must be cpu, cuda or cuda:N, not the text \"a\\n\\u001b[31m\\u202exxx"))
        #expect(found[0].hasSuffix("x…\""))
        #expect(found[0].count < 200)
    }
}
