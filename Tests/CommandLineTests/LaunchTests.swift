import Foundation
import Tensors
import TestKit
import Testing

extension CommandLineTests {
    /// Ranks that a launcher starts, with the variables that it sets.
    @Suite struct LaunchTests {
        private let visualgen: VisualGen
        private var folder: TemporaryFolder { visualgen.folder }

        init() throws { visualgen = try VisualGen() }

        /// Two processes with the same arguments, of which the first's status counts.
        private func launch(_ variables: [String: String], _ arguments: [String]) async throws -> VisualGen.Outcome {
            let words = variables.map { "\($0)=\($1)" }.sorted().joined(separator: " ")
            let line =
                "export WORLD_SIZE=2 LOCAL_WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 \(words)\n"
                + "RANK=1 LOCAL_RANK=1 \"$0\" \"$@\" & RANK=0 LOCAL_RANK=0 \"$0\" \"$@\" && wait $!"
            return try await VisualGen.run(
                "/bin/bash", ["-c", line, VisualGen.path] + arguments, in: folder.path)
        }

        /// torchrun's own store runs before the ranks do, and says so; it may have what an earlier attempt left. Otherwise
        /// rank 0 opens one.
        @Test(arguments: [true, false]) func makeWhatOneProcessMakes(_ hasStore: Bool) async throws {
            let arguments = VisualGen.generation() + ["--threads", "1", "--quiet"]
            let alone = try await visualgen.run(arguments + ["--output", "alone.png"])
            #expect(alone.status == 0, "\(alone.testDescription)")
            try folder.write("parallel_config: {ulysses_size: 2}", to: "two.yaml")
            var store: RendezvousStore? = try .hosting(timeout: .seconds(60))
            var variables = ["MASTER_PORT": "\(try #require(store).port)"]
            if hasStore {
                try store?.set("visualgen/0/over", [1])
                variables["TORCHELASTIC_USE_AGENT_STORE"] = "True"
                variables["TORCHELASTIC_RESTART_COUNT"] = "1"
            } else {
                store = nil
            }
            let outcome = try await launch(
                variables, arguments + ["--config", "two.yaml", "--output", "two.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.complaints == [])
            #expect(folder.names == ["alone.png", "two.png", "two.yaml"])
            #expect(
                FileManager.default.contents(atPath: folder.file("two.png"))
                    == FileManager.default.contents(atPath: folder.file("alone.png")))
            withExtendedLifetime(store) {}
        }

        @Test func refuseAnotherNumberOfRanks() async throws {
            try folder.write("parallel_config: {ulysses_size: 2, cfg_size: 2}", to: "four.yaml")
            let outcome = try await launch(
                ["MASTER_PORT": "1"], VisualGen.generation() + ["--config", "four.yaml", "--output", "a.png"])
            #expect(
                outcome.status != 0 && outcome.errors.contains("2 processes were started"), "\(outcome.testDescription)"
            )
            #expect(folder.names == ["four.yaml"])
        }
    }
}
