import Foundation
import Media
import TestKit
import Testing

extension CommandLineTests {
    /// A checker that the command line is pointed at.
    @Suite struct GuardrailTests {
        private let visualgen: VisualGen
        private static let note =
            "visualgen: no guardrail checks what Cosmos3 is asked for and makes: guardrail_config.url names none"

        init() throws { visualgen = try VisualGen() }

        private func run(_ model: String = "cosmos3-tiny", _ more: String...) async throws -> VisualGen.Outcome {
            try await visualgen.run(VisualGen.generation(TinyCheckpoint.path(of: model)) + more)
        }

        private func config(_ checker: FakeChecker) -> String { "{url: '\(checker.url)', frames: 3}" }

        @Test func whatIsAllowedIsMade() async throws {
            let checker = try await FakeChecker()
            let outcome = try await run(
                "cosmos3-tiny", "--num-frames", "9", "--max-sequence-length", "512", "--guardrail-config",
                config(checker), "--output", "a.mp4")
            #expect(outcome.status == 0 && outcome.complaints.isEmpty, "\(outcome.testDescription)")
            #expect(visualgen.folder.names == ["a.mp4"])
            #expect(checker.questions.map(\.stage) == ["prompt", "output"])
            #expect(checker.questions.last?.frames.map(\.index) == [0, 4, 8])
            // The command that makes it again asks nobody.
            let inspected = try await visualgen("inspect", "a.mp4").output
            #expect(inspected.contains("visualgen generate") && !inspected.contains("guardrail"))
        }

        /// A family without a guardrail of its own is checked too.
        @Test func aBlockedPromptIsNotLoadedFor() async throws {
            for model in ["cosmos3-tiny", "flux1-tiny-dev"] {
                let checker = try await FakeChecker(prompt: .block(reason: "no lakes"))
                let outcome = try await run(
                    model, "--max-sequence-length", "512", "--guardrail-config", config(checker), "--output", "a.png")
                expectRefusal(outcome, 77, names: ["the guardrail does not allow the prompt: no lakes"])
                #expect(!outcome.errors.contains("loading"), "\(outcome.testDescription)")
                #expect(visualgen.folder.names.isEmpty)
            }
        }

        @Test func ofABlockedVideoNothingIsLeft() async throws {
            let checker = try await FakeChecker(output: .block(reason: "too red"))
            let outcome = try await run(
                "cosmos3-tiny", "--num-frames", "9", "--max-sequence-length", "512", "--guardrail-config",
                config(checker), "--output", "a.mp4", "--metrics", "a.json", "--trace", "a.safetensors", "--profile",
                "b.json")
            #expect(outcome.status == 77, "\(outcome.testDescription)")
            #expect(outcome.complaints.last == "visualgen: the guardrail does not allow what was made: too red")
            #expect(visualgen.folder.names.isEmpty)
            #expect(checker.questions.map(\.stage) == ["prompt", "output"])
        }

        @Test func withoutAnAnswerNothingIsMade() async throws {
            let outcome = try await run(
                "flux1-tiny-dev", "--guardrail-config", "{url: 'http://127.0.0.1:1/'}", "--output", "a.png")
            expectRefusal(
                outcome, 69, names: ["the connection to the guardrail at http://127.0.0.1:1 failed: it was refused"])
            #expect(visualgen.folder.names.isEmpty)
        }

        @Test func tellsOnceThatNobodyIsAsked() async throws {
            let made = try await run("cosmos3-tiny", "--max-sequence-length", "512", "--output", "a.png")
            #expect(made.status == 0 && made.complaints == [Self.note], "\(made.testDescription)")
            let other = try await run("flux1-tiny-dev", "--output", "b.png")
            #expect(other.status == 0 && other.complaints.isEmpty, "\(other.testDescription)")
            let asked = try await run(
                "cosmos3-tiny", "--max-sequence-length", "512", "--output", "c.png", "--extra", "use_guardrails=true")
            #expect(asked.status == 64, "\(asked.testDescription)")
            let refusal =
                "visualgen: use_guardrails is true; it must be false: no checker is configured (guardrail_config)"
            #expect(asked.complaints == [Self.note, refusal])
        }

        /// A model of videos and images: the name of the output says which.
        @Test func anImagesNameAsksForAnImage() async throws {
            let outcome = try await run("cosmos3-tiny", "--max-sequence-length", "512", "--output", "a.jpg")
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(try Image(path: visualgen.folder.file("a.jpg")).width == 32)
            let video = try await run(
                "cosmos3-tiny", "--num-frames", "5", "--max-sequence-length", "512", "--output", "b.png")
            #expect(video.status == 64 && video.errors.contains("a video of 5 frames is made"))
        }
    }
}
