import Foundation
import Layers
import Media
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct OptionTests {
        private let visualgen: VisualGen

        init() throws { visualgen = try VisualGen() }

        /// The bytes of the image that arguments make, behind the ones every image of this suite has.
        private func image(_ arguments: String...) async throws -> [UInt8] { try await image(arguments) }

        private func image(_ arguments: [String]) async throws -> [UInt8] {
            let basic = [
                "generate", "--model", TinyCheckpoint.path(), "--num-inference-steps", "2", "--output", "a.png",
            ]
            let outcome = try await visualgen.run(basic + ["--max-sequence-length", "16", "--quiet"] + arguments)
            try #require(outcome.status == 0, "\(outcome.testDescription)")
            return try Image(path: visualgen.folder.file("a.png")).pixels
        }

        @Test func takesAnOptionInBothSpellings() async throws {
            let spaced = try await image("--prompt", "a lake", "--seed", "1", "--height", "32", "--width", "48")
            let joined = try await image("--prompt=a lake", "--seed=1", "--height=32", "--width=48")
            let sized = try await image("--prompt", "a lake", "--seed", "1", "--size", "48x32")
            let both = try await image("--prompt", "a lake", "--seed", "1", "--size=48X32", "--height", "32")
            #expect(spaced.count == 32 * 48 * 3)
            #expect(spaced == joined)
            #expect(spaced == sized)
            #expect(spaced == both)
        }

        @Test func takesTheShortSpellings() async throws {
            let long = try await image("--prompt", "a lake", "--seed", "1", "--height", "32", "--width", "48")
            try FileManager.default.removeItem(atPath: visualgen.folder.file("a.png"))
            let outcome = try await visualgen(
                "generate", "-m", TinyCheckpoint.path(), "-p", "a lake", "-o", "a.png", "-H", "32", "-W", "48", "-n",
                "1",
                "--steps", "2", "--guidance", "3.5", "--negative", "", "--seed", "1", "--max-sequence-length", "16")
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(try Image(path: visualgen.folder.file("a.png")).pixels == long)
            let help = try await visualgen("generate", "--help").output
            for name in [
                "-m, --model", "-p, --prompt", "-o, --output", "-n, --num-images-per-prompt", "-W, --width",
                "-H, --height", "--steps", "--guidance", "--frames", "--fps", "--negative",
            ] {
                #expect(help.contains(name), "\(name)")
            }
        }

        /// A mark, a joiner or a selector makes one character with the sign before it; the value begins at the byte.
        @Test(arguments: ["\u{301}a", "\u{200D}a", "\u{FE0F}a", "\u{20E3}", "\u{1F3FD}=b"])
        func takesAValueThatBeginsInTheMiddleOfACharacter(_ text: String) async throws {
            let guided = ["--seed", "1", "--size", "32x32", "--extra", "true_cfg_scale=3"]
            func draw(_ arguments: [String]) async throws -> [UInt8] { try await image(guided + arguments) }
            let spaced = try await draw([
                "--prompt", text, "--negative-prompt", text, "--extra", "prompt_2=\"\(text)\"",
            ])
            let joined = try await draw([
                "--prompt=\(text)", "--negative-prompt=\(text)", "--extra=prompt_2=\(text)",
            ])
            #expect(spaced == joined)
            #expect(try await draw(["--prompt", "--prompt=\(text)", "--negative=\(text)"]) != joined)
        }

        @Test func tellsWhatHasNoEffect() async throws {
            let arguments = VisualGen.generation() + ["--output", "a.png", "--negative", "dogs"]
            let note = "visualgen: negative_prompt has no effect: true_cfg_scale is 1.0, and it counts only above 1"
            let outcome = try await visualgen.run(arguments)
            #expect(outcome.status == 0)
            #expect(outcome.complaints == [note], "\(outcome.testDescription)")
            #expect(try await visualgen.run(arguments + ["--extra", "true_cfg_scale=2"]).complaints == [])
            let revised = try await visualgen.run(VisualGen.generation() + ["--output", "a.png", "--revision", "main"])
            #expect(
                revised.complaints == [
                    "visualgen: revision has no effect: \(TinyCheckpoint.path()) is not a model of the hub"
                ])
        }

        @Test func writesToAPathThatIsCutAtTheByte() async throws {
            try FileManager.default.createDirectory(
                atPath: visualgen.folder.file("out"), withIntermediateDirectories: false)
            let outcome = try await visualgen.run(VisualGen.generation() + ["--output", "out/\u{301}.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let names = try FileManager.default.contentsOfDirectory(atPath: visualgen.folder.file("out"))
            #expect(names == ["\u{301}.png"] && visualgen.folder.names == ["out"])
        }

        @Test func takesAnEmptyNegativePromptAsTheEmptyString() async throws {
            let guided = ["--prompt", "a lake", "--seed", "1", "--size", "32x32", "--extra", "true_cfg_scale=3"]
            let none = try await image(guided)
            let empty = try await image(guided + ["--negative-prompt="])
            #expect(try await image(guided + ["--negative-prompt", ""]) == empty)
            #expect(try await image(guided + ["--negative-prompt=dogs"]) != empty)
            #expect(none != empty)
        }

        @Test func readsAnExtraAsJSONOrAsText() async throws {
            func with(_ extra: String) async throws -> [UInt8] {
                try await image(["--prompt", "a lake", "--seed", "1", "--size", "32x32", "--extra", extra])
            }
            let text = try await with("prompt_2=a dog")
            #expect(try await with(#"prompt_2="a dog""#) == text)
            #expect(try await with(#"prompt_2=["a dog"]"#) == text)
            #expect(try await with("prompt_2=a cat") != text)
            #expect(try await with("sigmas=[1, 0.5]") != with("sigmas=[1, 0.4]"))
        }

        @Test func takesAPromptThatLooksLikeAnOption() async throws {
            let joined = try await image("--prompt=--seed", "--seed", "1", "--size", "32x32")
            let spaced = try await image("--prompt", "--seed", "--seed", "1", "--size", "32x32")
            #expect(joined == spaced)
        }

        @Test func takesSeedsAsTorchDoes() async throws {
            let top = try await image("--prompt", "a", "--size", "32x32", "--seed", "18446744073709551615")
            let negative = try await image("--prompt", "a", "--size", "32x32", "--seed", "-1")
            #expect(top == negative)
            #expect(try await image("--prompt", "a", "--size", "32x32", "--seed=-9223372036854775808") != top)
        }

        @Test func drawsASeedWhereNoneIsGiven() async throws {
            let first = try await image("--prompt", "a", "--size", "32x32")
            #expect(try await image("--prompt", "a", "--size", "32x32") != first)
        }

        @Test func makesABatchOfRepeatedPromptsAndSeeds() async throws {
            let outcome = try await visualgen.run([
                "generate", "--model", TinyCheckpoint.path(), "--prompt", "a lake", "--prompt", "a dog", "--seed", "3",
                "--seed", "4", "--size", "32x32", "--num-inference-steps", "2", "--max-sequence-length", "16",
                "--output", "batch.png", "--quiet",
            ])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(visualgen.folder.names == ["batch-0.png", "batch-1.png"])
            let alone = try await image("--prompt", "a dog", "--seed", "4", "--size", "32x32")
            let second = try Image(path: visualgen.folder.file("batch-1.png")).pixels
            #expect(zip(alone, second).allSatisfy { abs(Int($0) - Int($1)) <= 1 })
        }

        @Test(arguments: ["float32", "bfloat16", "float16"]) func computesInEveryType(_ dtype: String) async throws {
            let pixels = try await image(
                "--prompt", "a", "--size", "32x32", "--seed", "1", "--dtype", dtype, "--threads", "1", "--device", "cpu"
            )
            #expect(Set(pixels).count > 10)
        }

        @Test func tellsWhatIsRounded() async throws {
            let arguments = [
                "generate", "--model", TinyCheckpoint.path(), "--prompt", "a", "--num-inference-steps", "1",
                "--output", "a.png", "--max-sequence-length", "16",
            ]
            let rounded = try await visualgen.run(arguments + ["--size", "50x33"])
            #expect(
                rounded.complaints == ["visualgen: height is 33; the model makes 32, width is 50; the model makes 48"],
                "\(rounded.testDescription)")
            #expect(try Image(path: visualgen.folder.file("a.png")).width == 48)
            let whole = try await visualgen.run(arguments + ["--size", "48x32"])
            #expect(whole.complaints == [], "\(whole.testDescription)")
            let quiet = try await visualgen.run(arguments + ["--size", "50x33", "--quiet"])
            #expect(quiet.errors.isEmpty)
        }

        @Test func showsHelp() async throws {
            for arguments in [["--help"], ["generate", "--help"], ["inspect", "-h"]] {
                let outcome = try await visualgen.run(arguments)
                #expect(outcome.status == 0)
                #expect(outcome.output.contains("USAGE"))
                #expect(outcome.errors.isEmpty)
            }
        }
    }
}
