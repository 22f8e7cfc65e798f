import Foundation
import TestKit
import Testing
import VisualGen

@Suite struct ArgumentsYAMLTests {
    /// What a scalar becomes, found out through a field that takes any value.
    private func value(_ scalar: String) throws -> ConfigValue? {
        try VisualGenArgs(yamlText: "pipeline_config: {a: \(scalar)}").pipelineConfig["a"]
    }

    private func faults(_ yaml: String) -> [String] {
        problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: yaml) }
    }

    @Test(
        arguments: [
            ("yes", true), ("On", true), ("TRUE", true), ("no", false), ("OFF", false), ("y", "y"), ("tRue", "tRue"),
            ("~", nil), ("", nil), ("NULL", nil), ("nil", "nil"),
            ("12", 12), ("-1_000", -1000), ("+7", 7), ("0", 0), ("010", 8), ("08", "08"), ("0x1F", 31), ("-0b101", -5),
            ("0o17", "0o17"), ("9223372036854775807", 9_223_372_036_854_775_807),
            ("-9223372036854775808", .int(.min)), ("9223372036854775808", 9.223372036854775808e18),
            ("1.5", 1.5), ("-.5", -0.5), ("2.", 2.0), ("1e-3", 0.001), ("1.5E+3", 1500.0), ("6_0.2_5", 60.25),
            ("1e", "1e"), ("--1", "--1"), ("1-2", "1-2"), ("1.2.3", "1.2.3"), ("-", "-"), ("+", "+"), ("0x", "0x"),
            ("0b2", "0b2"),
            ("1:30", "1:30"), ("2024-01-01", "2024-01-01"), ("cuda:0", "cuda:0"), ("a b", "a b"),
            ("'2'", "2"), ("\"yes\"", "yes"), ("'~'", "~"), ("\"\\u00e9\"", "é"),
            ("!!str 2", "2"), ("!!int '2'", 2), ("!!float 2", 2.0), ("!!bool 'on'", true), ("!!null ''", nil),
            ("! 2", "2"),
        ] as [(String, ConfigValue?)])
    func readsScalarsAsTheOriginalDoes(_ scalar: String, _ expected: ConfigValue?) throws {
        if scalar == "-" { return #expect(try value("'-'") == "-") }
        #expect(try value(scalar) == (expected ?? .null))
    }

    @Test(arguments: ["", "\n", "\r\n"], ["", "\u{FEFF}"])
    func readsAFileOfAnySystem(_ end: String, _ mark: String) throws {
        let folder = try TemporaryFolder()
        for line in ["\n", "\r\n"] {
            let lines = ["# a comment", "model: m", "parallel_config:", "  cfg_size: 2", "revision: 'v 1'"]
            let path = try folder.write(mark + lines.joined(separator: line) + end, to: "args.yaml")
            let args = try VisualGenArgs(yaml: path)
            #expect(args.model == "m" && args.parallelConfig.cfgSize == 2 && args.revision == "v 1")
        }
    }

    @Test(arguments: ["", "# nothing\n", "---\n", "~", "{}", "\u{FEFF}"])
    func takesAnEmptyDocumentForTheDefaults(_ yaml: String) throws {
        #expect(try VisualGenArgs(yamlText: yaml) == VisualGenArgs())
    }

    @Test(arguments: [
        ("[1]", "the file must hold a mapping, not a list"),
        ("text", "the file must hold a mapping, not the text \"text\""),
        ("model: a\nmodel: b", "the YAML has \"model\" twice in one mapping (line 1, column 1)"),
        (
            "parallel_config:\n  tp_size: 1\n  \"tp_size\": 2",
            "the YAML has \"tp_size\" twice in one mapping (line 2, column 3)"
        ),
        ("1: a", "the YAML has a name that is not text (line 1, column 1)"),
        ("on: a", "the YAML has a name that is not text (line 1, column 1)"),
        ("? [a]\n: b", "the YAML has a name that is not text (line 1, column 3)"),
        ("model: *a", "the YAML cannot be read: found undefined alias (line 1, column 8)"),
        ("model: &a [*a]", "the YAML cannot be read: found undefined alias (line 1, column 12)"),
        ("model: [a", "the YAML cannot be read: did not find expected ',' or ']' (line 2, column 1)"),
        ("model: a\n---\nmodel: b", "the YAML cannot be read: but found another document (line 2, column 1)"),
        (
            "\tmodel: a",
            "the YAML cannot be read: found character that cannot start any token (line 1, column 1)"
        ),
        ("model: \u{1}", "the YAML cannot be read: control characters are not allowed"),
        (
            "model: !!python/name:os.system ''",
            "the YAML has the tag \"tag:yaml.org,2002:python/name:os.system\", which is not read here "
                + "(line 1, column 8)"
        ),
        (
            "pipeline_config: {a: !!set {b: }}",
            "the YAML has the tag \"tag:yaml.org,2002:set\", which is not read here (line 1, column 22)"
        ),
        (
            "threads: !!int x",
            "the YAML has the tag \"tag:yaml.org,2002:int\", which is not read here (line 1, column 10)"
        ),
        ("<<: 2", "the YAML merges (<<) what is not a mapping (line 1, column 5)"),
    ])
    func refusesOtherText(_ yaml: String, _ sentence: String) {
        #expect(faults(yaml) == [sentence])
    }

    @Test func followsAliasesAndMergeKeys() throws {
        let args = try VisualGenArgs(
            yamlText: """
                pipeline_config:
                  base: &base {x: 1, y: 2}
                  more: &more {x: 3, z: 4}
                  one: {<<: *base, y: 5}
                  both: {<<: [*base, *more]}
                  list: [*base]
                """)
        #expect(args.pipelineConfig["one"] == ["x": 1, "y": 5])
        #expect(args.pipelineConfig["both"] == ["x": 1, "y": 2, "z": 4])
        #expect(args.pipelineConfig["list"] == [["x": 1, "y": 2]])
    }

    @Test(.timeLimit(.minutes(1)), arguments: [("[", 100_000), ("{a: ", 20_000), ("- ", 50_000), ("? ", 50_000)])
    func refusesDeepNesting(_ opening: String, _ depth: Int) {
        #expect(faults(String(repeating: opening, count: depth)).count == 1)
        #expect(faults("pipeline_config:\n  " + String(repeating: opening, count: 900)).count == 1)
    }

    @Test func readsNestingUpToALimit() throws {
        func nested(_ depth: Int) -> String {
            "pipeline_config: {a: " + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(faults(nested(31)).isEmpty)
        #expect(faults(nested(32)) == ["the YAML is nested more than 32 deep (line 1, column 53)"])
    }

    /// Nine lines that stand for a thousand million values.
    @Test(.timeLimit(.minutes(1))) func refusesAliasesThatMultiply() {
        var lines = ["pipeline_config:", "  a0: &a0 [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"]
        for level in 1...9 {
            let alias = "*a\(level - 1)"
            lines.append("  a\(level): &a\(level) [\(Array(repeating: alias, count: 10).joined(separator: ", "))]")
        }
        #expect(faults(lines.joined(separator: "\n")) == ["the YAML has more than 12 aliases"])
    }

    /// The most that the limit on aliases allows, as values and as names, which the parser compares.
    @Test(.timeLimit(.minutes(1)), arguments: ["end: *a4", "? *a4\n: 1", "{*a4 : 1}"])
    func refusesTheLargestThatAFewAliasesCanMake(_ end: String) {
        let leaf = String(repeating: "1,", count: 30_000)
        var yaml = "&a0 [\(leaf)]"
        for (level, width) in [3, 3, 3, 2].enumerated() {
            let aliases = Array(repeating: "*a\(level)", count: width).joined(separator: ",")
            yaml += ", &a\(level + 1) [\(aliases)]"
        }
        let isFlow = end.hasPrefix("{")
        let found = faults("pipeline_config: [\(yaml)\(isFlow ? ", \(end)]" : "]\n\(end)")")
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("the YAML "))
    }

    @Test func countsAliasesOnlyWhereTheyCanBe() throws {
        let patterns = (0..<100).map { "\"*.block\($0).*\", blocks.*.x\($0), 'a*b*c'" }.joined(separator: ", ")
        #expect(try VisualGenArgs(yamlText: "quant_config: {ignore: [\(patterns)]}").quantConfig.ignore.count == 300)
    }

    @Test func refusesTooManyValuesAndTooManyBytes() {
        let many = String(repeating: "1,", count: 20_001)
        #expect(faults("pipeline_config: {a: [\(many)]}") == ["the YAML stands for more than 20000 values"])
        #expect(faults("#" + String(repeating: "x", count: 65_536)) == ["the YAML has more than 65536 bytes"])
    }

    @Test func putsOverridesInThePlaceOfWholeFields() throws {
        let yaml = "threads: 2\ndtype: float16\nparallel_config: {cfg_size: 2, ulysses_size: 2}"
        let args = try VisualGenArgs(
            yamlText: yaml, overrides: ["parallel_config": ["tp_size": 2], "threads": nil, "device": "cuda"])
        #expect(args.parallelConfig.cfgSize == 1)
        #expect(args.parallelConfig.ulyssesSize == 1)
        #expect(args.parallelConfig.tpSize == 2)
        #expect(args.threads == nil)
        #expect(args.dtype == .float16)
        #expect(args.device == .cuda(index: nil))
    }

    @Test func replacesAWrongFieldByItsOverride() throws {
        #expect(try VisualGenArgs(yamlText: "threads: x", overrides: ["threads": 3]).threads == 3)
        #expect(
            problems { () throws(ConfigurationError) in try VisualGenArgs(yamlText: "", overrides: ["thread": 3]) }
                == ["thread is not a field; did you mean threads?"])
    }

    @Test func namesTheFile() throws {
        let folder = FileManager.default.temporaryDirectory.path + "/\(UUID())"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func report(_ name: String, _ bytes: [UInt8]?) throws -> String {
            if let bytes { try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
            let error = try #require(throws: ConfigurationError.self) { try VisualGenArgs(yaml: "\(folder)/\(name)") }
            return error.description.replacingOccurrences(of: folder, with: "")
        }
        #expect(try report("a.yaml", Array("threads: 0".utf8)) == "/a.yaml: threads must be from 1 to 1024, not 0")
        #expect(
            try report("b.yaml", Array("threads: 0\ndevice: a".utf8))
                == "/b.yaml has 2 problems:\n  device must be cpu, cuda or cuda:N, not the text \"a\"\n"
                + "  threads must be from 1 to 1024, not 0")
        #expect(try report("none.yaml", nil) == "/none.yaml: the file cannot be opened: No such file or directory")
        #expect(try report("", nil) == "/: the file is not a regular file")
        #expect(try report("c.yaml", [0xFF, 0xFE, 0x00]) == "/c.yaml: the file is not text in UTF-8")
        #expect(
            try report("d.yaml", Array(repeating: 0x23, count: 65_537))
                == "/d.yaml: the file has 65537 bytes, at most 65536 are read")
    }

    /// Whatever the bytes are, there is a configuration or an error, never a crash.
    @Test func survivesDamagedText() throws {
        let folder = try #require(Bundle.module.url(forResource: "Resources", withExtension: nil)).path
        var random = Scatter()
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".yaml") {
            let bytes = Array(try Data(contentsOf: URL(fileURLWithPath: "\(folder)/\(name)")))
            for _ in 0..<200 {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    let place = Int.random(in: 0..<damaged.count, using: &random)
                    damaged[place] = Array("[]{}:,-*&!|>'\"%@`#? \n\t~0aé".utf8).randomElement(using: &random) ?? 0
                }
                _ = try? VisualGenArgs(yamlText: String(decoding: damaged, as: UTF8.self))
            }
        }
    }
}

/// The same numbers at every run.
private struct Scatter: RandomNumberGenerator {
    private var state: UInt64 = 1

    mutating func next() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state ^ (state >> 29)
    }
}
