import Foundation
import TestKit
import Testing

extension CommandLineTests {
    /// Ctrl-C in any stage: status 130, soon, and no file.
    @Suite struct InterruptionSerialTests {
        /// A stage, by what is written to standard error when it begins, and a request that stays in it for a while.
        nonisolated static let stages: [(text: String, arguments: [String])] = [
            ("loading text_encoder\n", ["--size", "64x64", "--num-inference-steps", "1000"]),
            ("loading vae", ["--size", "64x64", "--num-inference-steps", "1000"]),
            ("encoding the prompt", ["--size", "64x64", "--num-inference-steps", "1000"]),
            ("denoising: step 2/", ["--size", "64x64", "--num-inference-steps", "1000"]),
            ("decoding", ["--size", "768x768", "--num-inference-steps", "1", "--max-sequence-length", "16"]),
        ]

        @Test(arguments: stages.indices, [SIGINT, SIGTERM])
        func endsSoonAndWritesNothing(_ stage: Int, _ signal: Int32) async throws {
            let folder = try TemporaryFolder()
            let arguments = [
                "generate", "--model", TinyCheckpoint.path(), "--prompt", "a lake", "--output", "a.png", "--metrics",
                "m.json", "--trace", "t.safetensors",
            ]
            let outcome = try await VisualGen.run(
                VisualGen.path, arguments + Self.stages[stage].arguments, in: folder.path,
                interruptedAt: Self.stages[stage].text, signal: signal)
            expectRefusal(outcome, 130, names: ["interrupted"])
            #expect(outcome.seconds < 5, "\(outcome.seconds) seconds")
            #expect(folder.names == [])
        }

        /// Frames are on the disk by then, under another name.
        @Test(arguments: ["a.mp4", "a.webm", "a/"], [SIGINT, SIGTERM])
        func removesTheVideoThatWasBegun(_ output: String, _ signal: Int32) async throws {
            let folder = try TemporaryFolder()
            let outcome = try await VisualGen.run(
                VisualGen.path,
                [
                    "generate", "--model", TinyCheckpoint.path(of: "wan2.1-tiny-t2v"), "--prompt", "a", "--size",
                    "128x128", "--num-frames", "161", "--num-inference-steps", "1", "--max-sequence-length", "16",
                    "--output", output,
                ], in: folder.path, interruptedAt: "decoding: frame", signal: signal)
            expectRefusal(outcome, 130, names: ["interrupted"])
            #expect(outcome.seconds < 5, "\(outcome.seconds) seconds")
            #expect(folder.names == [])
        }
    }
}
