import Foundation
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct ConfigurationTests {
        private let visualgen: VisualGen

        init() throws { visualgen = try VisualGen() }

        private static let request = [
            "generate", "--prompt", "a lake", "--size", "32x32", "--num-inference-steps", "2", "--seed", "1",
            "--max-sequence-length", "16", "--quiet",
        ]

        private func settings(of image: String) async throws -> String {
            let outcome = try await visualgen("inspect", visualgen.folder.file(image))
            return outcome.output.split(separator: "\n").first { $0.hasPrefix("settings:") }.map(String.init) ?? ""
        }

        @Test(arguments: ["--config", "--visual_gen_args"])
        func readsAConfigurationFile(_ option: String) async throws {
            try visualgen.folder.write("model: \(TinyCheckpoint.path())\ndtype: bfloat16\nthreads: 1\n", to: "a.yaml")
            let outcome = try await visualgen.run(Self.request + [option, "a.yaml", "--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(try await settings(of: "a.png").contains("bfloat16"))
        }

        @Test func optionsReplaceTheFilesFields() async throws {
            try visualgen.folder.write("model: /nowhere\ndtype: bfloat16\n", to: "a.yaml")
            let options = ["--config", "a.yaml", "--model", TinyCheckpoint.path(), "--dtype", "float32"]
            let outcome = try await visualgen.run(Self.request + options + ["--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(try await settings(of: "a.png").contains("float32"))
        }

        @Test(arguments: [
            (
                "cuda_graph_config: {enable: true}",
                ["a.yaml", "cuda_graph_config.enable", "not available with device cpu"]
            ),
            (
                "cache_config: {cache_backend: cache_dit, Fn_compute_blocks: 9}",
                ["a.yaml", "cache_config.Fn_compute_blocks", "from 1 to 4"]
            ),
            (
                "cache_config: {cache_backend: teacache, Fn_compute_blocks: 1}",
                ["a.yaml", "cache_config.Fn_compute_blocks", "not a field"]
            ),
            ("dtyp: float32", ["a.yaml", "dtyp", "did you mean dtype?"]), ("- 1", ["a.yaml"]), (": :", ["a.yaml"]),
            ("threads: 0\nmemory_limit: lots", ["a.yaml", "threads", "memory_limit"]),
        ])
        func refusesAFileByWhatIsWrongInIt(_ yaml: String, _ names: [String]) async throws {
            try visualgen.folder.write(yaml, to: "a.yaml")
            let options = ["--model", TinyCheckpoint.path(), "--config", "a.yaml", "--output", "a.png"]
            expectRefusal(try await visualgen.run(Self.request + options), 65, names: names)
        }

        @Test func refusesAFileThatIsNotThere() async throws {
            let options = ["--model", TinyCheckpoint.path(), "--config", "a.yaml", "--output", "a.png"]
            expectRefusal(try await visualgen.run(Self.request + options), 65, names: ["a.yaml"])
        }

        @Test func saysThatAHubModelIsNotInTheCacheWhenOffline() async throws {
            let outcome = try await visualgen.shell(
                "HF_HUB_OFFLINE=1 HF_HOME=$PWD/hub \"$0\" \"$@\"", "generate", "--model", "nobody/nothing", "--prompt",
                "a")
            expectRefusal(outcome, 65, names: ["nobody/nothing", "HF_HUB_OFFLINE"])
        }

        @Test func aWorkerIsNotStartedByHand() async throws {
            let outcome = try await visualgen("worker")
            expectRefusal(outcome, 64, names: ["worker"])
        }
    }
}
