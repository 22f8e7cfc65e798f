import Files
import Foundation
import Layers
import TestKit
import Testing

/// A config with a property of each type there is.
private struct SampleConfig: ModelConfig, Equatable {
    var numLayers = 2
    var layerNormEps = 1e-5
    var useBias = true
    var hiddenAct = Activation.silu
    var blockOutChannels = [4, 8]
    var blockTypes = ["Block"]
    var outChannels: Int?
    var shiftFactor: Double? = 0.5
    init() {}

    static var ignoredKeys: Set<String> { ["model_type"] }

    func validate() throws(ConfigFault) {
        try requirePositive(["num_layers": numLayers])
        try requireMultiple("out_channels", outChannels ?? 4, of: "the groups,", 4)
    }
}

/// A config that stands in the file of a greater model too.
private struct PartConfig: ModelConfig {
    var numLayers = 2
    init() {}

    static var nestedKey: String? { "part_config" }
}

@Suite struct ModelConfigTests {
    private func read(_ json: String, allowingUnknown: Bool = false) throws -> (SampleConfig, [String]) {
        let folder = try TemporaryFolder()
        let path = try folder.write(json, to: "config.json")
        return try SampleConfig.read(path, allowingUnknown: allowingUnknown)
    }

    private func fault(_ json: String) throws -> ConfigFault {
        let error = try #require(throws: ConfigError.self) { _ = try read(json) }
        #expect(error.file.hasSuffix("/config.json"))
        #expect("\(error)" == "\(error.file) \(error.fault)")
        return error.fault
    }

    @Test(arguments: ["", "\n", "\r\n"], ["", "\u{FEFF}"])
    func readsAFileOfAnySystem(_ end: String, _ mark: String) throws {
        #expect(try read("\(mark){\(end)}\(end)").0 == SampleConfig())
        let folder = try TemporaryFolder()
        let index = #"{"weight_map":\#(end){"a": "b.safetensors"}}"#
        let path = try folder.write(mark + index + end, to: "model.safetensors.index.json")
        #expect(try SafetensorsIndex(path: path).weightMap == ["a": "b.safetensors"])
    }

    /// A hub's cache holds links; what counts is the length of the file behind one.
    @Test func refusesALongFileBehindALink() throws {
        let folder = try TemporaryFolder()
        try Data(count: 17 << 20).write(to: URL(fileURLWithPath: folder.file("long.json")))
        let link = folder.file("config.json")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.file("long.json"))
        #expect(throws: ConfigError(file: link, fault: .tooLong(17 << 20))) { _ = try SampleConfig.read(link) }
    }

    @Test func hasItsDefaultsWhereTheFileIsSilent() throws {
        let (config, skipped) = try read("{}")
        #expect(config == SampleConfig())
        #expect(skipped.isEmpty)
    }

    @Test func takesEveryTypeFromTheFile() throws {
        let (config, _) = try read(
            """
            {"num_layers": 7, "layer_norm_eps": 1e-6, "use_bias": false, "hidden_act": "quick_gelu",
             "block_out_channels": [1, 2, 3], "block_types": ["A", "B"], "out_channels": 16, "shift_factor": null}
            """)
        #expect(config.numLayers == 7)
        #expect(config.layerNormEps == 1e-6)
        #expect(!config.useBias)
        #expect(config.hiddenAct == .quickGELU)
        #expect(config.blockOutChannels == [1, 2, 3])
        #expect(config.blockTypes == ["A", "B"])
        #expect(config.outChannels == 16)
        #expect(config.shiftFactor == nil)
    }

    @Test func passesOverKeysThatCannotMatter() throws {
        let (config, skipped) = try read(
            """
            {"_class_name": "Sample", "_diffusers_version": "1", "_anything": {"a": [1]}, "model_type": "sample",
             "dropout": 0.1, "torch_dtype": "bfloat16", "architectures": ["Sample"]}
            """)
        #expect(config == SampleConfig())
        #expect(skipped.isEmpty)
    }

    @Test func notesUnknownKeysThatAreNullOrFalse() throws {
        let (_, skipped) = try read(#"{"qk_norm": null, "attention_bias": false}"#)
        #expect(skipped == ["attention_bias", "qk_norm"])
    }

    @Test(arguments: ["true", "0", "1", "\"\"", "\"rms\"", "[]", "{}", "0.0"])
    func refusesOtherUnknownKeysByName(_ value: String) throws {
        #expect(try fault(#"{"qk_norm": \#(value), "num_layers": 3}"#) == .unknown(["qk_norm"]))
    }

    @Test func namesEveryUnknownKeyAndTheWayRound() throws {
        let fault = try fault(#"{"zeta": 1, "alpha": "x", "numLayers": 3}"#)
        #expect(fault == .unknown(["alpha", "numLayers", "zeta"]))
        #expect("\(fault)".contains(#""alpha", "numLayers", "zeta""#))
        #expect("\(fault)".contains("--allow-unknown "))
    }

    @Test func skipsUnknownKeysWhereTheUserAllowsIt() throws {
        let (config, skipped) = try read(#"{"qk_norm": "rms", "num_layers": 3}"#, allowingUnknown: true)
        #expect(config.numLayers == 3)
        #expect(skipped == ["qk_norm"])
    }

    @Test(arguments: [
        ("num_layers", "\"two\""), ("num_layers", "2.5"), ("num_layers", "null"), ("num_layers", "true"),
        ("num_layers", "[2]"), ("num_layers", "1e30"), ("layer_norm_eps", "\"small\""), ("use_bias", "1"),
        ("use_bias", "\"true\""), ("hidden_act", "\"swiglu\""), ("hidden_act", "3"), ("block_out_channels", "4"),
        ("block_out_channels", "[4, \"8\"]"), ("block_types", "[null]"), ("block_types", "{}"),
        ("out_channels", "\"4\""),
    ])
    func namesTheKeyOfAWrongType(_ key: String, _ value: String) throws {
        guard case .value(key, _) = try fault(#"{"\#(key)": \#(value)}"#) else {
            Issue.record("\(key) = \(value) gave \(try fault(#"{"\#(key)": \#(value)}"#))")
            return
        }
    }

    @Test(arguments: ["16777217", "-16777217", "9223372036854775807", "-9223372036854775808"])
    func refusesAbsurdNumbers(_ number: String) throws {
        #expect(try fault(#"{"num_layers": \#(number)}"#) == .value("num_layers", found: number))
        #expect(try fault(#"{"block_out_channels": [4, \#(number)]}"#) == .value("block_out_channels", found: number))
        #expect(try fault(#"{"out_channels": \#(number)}"#) == .value("out_channels", found: number))
    }

    @Test(arguments: ["1e13", "-1e300", "1000000000001"]) func refusesAbsurdRealNumbers(_ number: String) throws {
        let found = try #require(Double(number))
        #expect(try fault(#"{"layer_norm_eps": \#(number)}"#) == .value("layer_norm_eps", found: "\(found)"))
        #expect(try fault(#"{"shift_factor": \#(number)}"#) == .value("shift_factor", found: "\(found)"))
    }

    @Test func takesItsPartOfAGreaterModelsConfig() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(
            #"{"num_layers": 9, "other": true, "part_config": {"num_layers": 3, "max_length": null}}"#,
            to: "config.json")
        let (config, skipped) = try PartConfig.read(path)
        #expect(config.numLayers == 3)
        #expect(skipped == ["max_length"])
    }

    @Test func tellsFewOfManyUnknownKeysAndNoControlCharacters() throws {
        let keys = (0..<100_000).map { #""\u001b[31m\#($0)": 1"# }.joined(separator: ",")
        let fault = try fault("{\(keys)}")
        #expect("\(fault)".utf8.count < 2048)
        #expect(!"\(fault)".contains("\u{1B}"))
    }

    @Test func checksWhatTypesCannotSay() throws {
        #expect(try fault(#"{"num_layers": 0}"#) == .value("num_layers", found: "0"))
        #expect(try fault(#"{"out_channels": 6}"#) == .notMultiple("out_channels", 6, of: "the groups,", 4))
    }

    @Test func cutsALongValueShort() throws {
        let fault = try fault(#"{"num_layers": "\#(String(repeating: "x", count: 5000))"}"#)
        #expect("\(fault)".count < 200)
    }
}

@Suite struct ConfigFileTests {
    private func fault(_ content: Data) throws -> ConfigFault {
        let folder = try TemporaryFolder()
        let path = folder.file("config.json")
        try content.write(to: URL(fileURLWithPath: path))
        let error = try #require(throws: ConfigError.self) { _ = try SampleConfig.read(path) }
        #expect(!"\(error)".contains("\n"))
        return error.fault
    }

    @Test(arguments: [
        "", " ", "{", "{\"a\": }", "not json", "{} {}", "\u{0}", "{\"num_layers\": 1e999}", "nul",
        "{\"num_layers\": 0x10}", "{'num_layers': 1}",
    ])
    func refusesWhatIsNotJSON(_ text: String) throws {
        let fault = try fault(Data(text.utf8))
        #expect(fault == .notJSON || fault.isAboutAValue || (fault == .empty && text.isEmpty))
    }

    @Test func saysWhatAFileIsThatIsNoConfig() throws {
        #expect(try fault(Data("version https://git-lfs.github.com/spec/v1\n".utf8)) == .foreign(.pointer(.lfs)))
        #expect(try fault(Data(#"{"error":"Entry not found"}"#.utf8)) == .foreign(.errorMessage("Entry not found")))
    }

    @Test(arguments: ["[]", "[{}]", "3", "\"text\"", "null", "true"])
    func refusesWhatIsNoObject(_ text: String) throws {
        #expect(try fault(Data(text.utf8)) == .notAnObject)
    }

    @Test func refusesBytesThatAreNoText() throws {
        #expect(try fault(Data([0x7B, 0x22, 0xFF, 0xFE, 0x22, 0x3A, 0x31, 0x7D])) == .notJSON)
    }

    @Test(arguments: [300, 5000, 1_000_000]) func refusesEndlessNesting(_ depth: Int) throws {
        let text = #"{"x": "# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        let fault = try fault(Data(text.utf8))
        #expect(fault == .notJSON || fault == .unknown(["x"]))
    }

    @Test func refusesALongFileUnread() throws {
        let fault = try fault(Data(count: (16 << 20) + 1))
        #expect(fault == .tooLong((16 << 20) + 1))
    }

    @Test func saysWhichFileIsMissing() throws {
        let folder = try TemporaryFolder()
        for path in [folder.file("config.json"), folder.path] {
            let error = try #require(throws: ConfigError.self) { _ = try SampleConfig.read(path) }
            #expect(error == ConfigError(file: path, fault: .unreadable))
        }
    }
}

extension ConfigFault {
    fileprivate var isAboutAValue: Bool { if case .value = self { true } else { false } }
}
