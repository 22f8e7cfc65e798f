import Foundation
import TestKit
import Testing

extension CommandLineRefusalTests {
    /// Values that are refused: status 64, before anything is loaded.
    @Suite struct UsageTests {
        nonisolated static let refused: [(arguments: [String], names: [String])] = [
            (["--height", "0"], ["height", "0"]), (["--height", "-64"], ["height", "-64"]),
            (["--height=-64"], ["height", "-64"]), (["--height", "7"], ["height", "7"]),
            (["--width", "16385"], ["width", "16385"]), (["--width", "9223372036854775807"], ["width"]),
            (["--width", "9223372036854775808"], ["width", "9223372036854775808"]),
            (["--width", "wide"], ["width", "wide"]),
            (["--height", "3.5"], ["height", "3.5"]), (["--height="], ["height"]),
            (["--width", "1e3"], ["width", "1e3"]),
            (["--size", "0x0"], ["height", "0"]), (["--size", "64"], ["size", "64"]), (["--size", "64x"], ["size"]),
            (["--size", "-64x64"], ["width", "-64"]), (["--size", "64x64", "--height", "32"], ["size", "64x64"]),
            (["--num-inference-steps", "0"], ["num_inference_steps", "0"]),
            (["--num-inference-steps", "-3"], ["num_inference_steps", "-3"]),
            (["--num-inference-steps", "1001"], ["num_inference_steps"]),
            (["--num-inference-steps", "2.5"], ["num-inference-steps", "2.5"]),
            (["--guidance-scale", "nan"], ["guidance_scale", "nan"]),
            (["--guidance-scale", "inf"], ["guidance_scale", "inf"]),
            (["--guidance-scale", "-inf"], ["guidance_scale"]),
            (["--guidance-scale", "-1"], ["guidance_scale", "-1"]),
            (["--guidance-scale", "strong"], ["guidance-scale", "strong"]),
            (["--seed", "18446744073709551616"], ["seed", "18446744073709551616"]),
            (["--seed", "-9223372036854775809"], ["seed"]), (["--seed", "1.5"], ["seed", "1.5"]),
            (["--seed", "lucky"], ["seed", "lucky"]), (["--seed", "1", "--seed", "2"], ["seed", "2"]),
            (["--extra", "true_cfg_scale=strong"], ["true_cfg_scale", "strong"]),
            (["--extra", "true_cfg_scale=-1"], ["true_cfg_scale", "-1"]),
            (["--extra", "true_cfg_scale=1e300"], ["true_cfg_scale"]),
            (["--extra", "true_cfg_scale="], ["true_cfg_scale"]), (["--extra", "sigmas=[]"], ["sigmas"]),
            (["--extra", "sigmas=[2]"], ["sigmas", "2"]), (["--extra", "prompt_2=3"], ["prompt_2"]),
            (["--extra", #"prompt_2=["a","b"]"#], ["prompt_2", "2"]), (["--extra", "zeta=1"], ["zeta", "FLUX.1"]),
            (["--extra", "zeta"], ["extra", "zeta"]), (["--extra", "=1"], ["extra"]),
            (["--num-frames", "16"], ["num_frames", "FLUX.1"]), (["--frame-rate", "24"], ["frame_rate", "FLUX.1"]),
            (["--max-sequence-length", "0"], ["max_sequence_length", "0"]),
            (["--max-sequence-length", "513"], ["max_sequence_length", "513"]),
            (["--num-images-per-prompt", "0"], ["num_images_per_prompt", "0"]),
            (["--num-images-per-prompt", "100000"], ["num_images_per_prompt", "100000"]),
            (["--negative-prompt", "a", "--negative-prompt", "b"], ["negative_prompt", "2"]),
            (["--threads", "0"], ["threads", "0"]), (["--threads", "-1"], ["threads", "-1"]),
            (["--threads", "many"], ["threads", "many"]),
            (["--memory-limit", "lots"], ["memory_limit", "lots"]), (["--memory-limit", "0"], ["memory_limit", "0"]),
            (["--memory-limit", "-1GB"], ["memory_limit"]), (["--memory-limit", "1e99GB"], ["memory_limit"]),
            (["--memory-limit", "8XB"], ["memory_limit", "8XB"]), (["--memory-limit", "1MB"], ["memory", "1 MB"]),
            (["--memory-limit", "64MiB"], ["memory", "67 MB"]), (["--size", "16384x16384"], ["memory", " MB"]),
            (["--height", "0", "--width", "7"], ["height is 0", "width is 7"]),
            (["--extra", "promt_2=a"], ["promt_2", "did you mean prompt_2?"]),
            (["--dtype", "int8"], ["dtype", "int8"]), (["--device", "tpu"], ["device", "tpu"]),
            (["--model="], ["model"]),
            (["--output", "image.gif"], ["image.gif", ".png"]), (["--output", "image"], ["image"]),
            (["--output", "a.mp4"], ["a.mp4", "images"]), (["--output", "frames/"], ["frames/"]),
            (["--crf", "20"], ["crf", "output.png"]), (["--crf", "good"], ["crf", "good"]),
            (["--output", ""], [".png"]), (["--colour"], ["colour"]), (["stray"], ["stray"]),
            (["--height"], ["height"]), (["--stepz", "3"], ["'--stepz'. Did you mean '--steps'?"]),
            (["--negative_prompt", "a"], ["'--negative_prompt'. Did you mean '--negative-prompt'?"]),
            (["--nun-frames", "3"], ["'--nun-frames'. Did you mean '--num-frames'?"]),
            (["-n", "0"], ["num_images_per_prompt"]),
            (["--steps", "0"], ["num_inference_steps", "0"]), (["-H", "0", "-W", "7"], ["height is 0", "width is 7"]),
            (["--fps", "0"], ["frame_rate"]),
        ]

        @Test(arguments: refused.indices) func refusesAValueInOneSentenceThatNamesIt(_ index: Int) async throws {
            let (arguments, names) = Self.refused[index]
            let visualgen = try VisualGen()
            let basic = ["generate", "--model", TinyCheckpoint.path(), "--prompt", "a lake"]
            let outcome = try await visualgen.run(basic + arguments)
            expectRefusal(outcome, 64, names: names)
            #expect(visualgen.folder.names.isEmpty)
            #expect(!outcome.errors.contains("loading"))
        }

        /// Nothing near is worse than no hint.
        @Test(arguments: ["--colour", "--st", "--x", "--resolution", "--=\u{301}"])
        func hintsAtNothingThatIsFar(_ option: String) async throws {
            let outcome = try await VisualGen()("generate", "--model", "m", "--prompt", "a", option, "3")
            expectRefusal(outcome, 64, names: [])
            #expect(!outcome.errors.contains("Did you mean"), "\(outcome.testDescription)")
        }

        /// What a terminal obeys is shown, in whatever sentence it stands.
        @Test(arguments: [
            ["generate", "--prompt", "a", "--model", "\u{1B}]0;x\u{7}\r\u{9B}2J\u{202E}"],
            ["generate", "--prompt", "a", "--model", TinyCheckpoint.path(), "--extra", "\u{1B}c\nb=1"],
            ["generate", "--prompt", "a", "--model", "demo-image", "--\u{1B}c\u{7}"],
            ["generate", "--prompt", "a", "--model", TinyCheckpoint.path(), "--output", "\u{1B}c.jpeg2000"],
            ["inspect", "\u{1B}c\nnone"], ["serve", "demo-image", "--host", "\u{1B}c", "--port", "99999"],
        ])
        func sendsNoTerminalACommand(_ arguments: [String]) async throws {
            let outcome = try await VisualGen().run(arguments)
            #expect(outcome.status != 0)
            #expect(outcome.complaints.count == 1, "\(outcome.testDescription)")
            let commands = (outcome.errors + outcome.output).unicodeScalars.filter {
                $0.value < 0x20 && $0 != "\n" || (0x7F..<0xA0).contains($0.value) || $0.value == 0x202E
            }
            #expect(commands.isEmpty, "\(outcome.testDescription.debugDescription)")
        }

        @Test(arguments: [
            (["generate", "--model", "m"], ["m"]), (["generate", "--prompt", "a"], ["--model"]),
            (["paint"], ["paint"]), (["inspect"], ["subject"]), (["generate", "--model"], ["--model"]),
        ])
        func saysWhatIsMissing(_ arguments: [String], _ names: [String]) async throws {
            let outcome = try await VisualGen().run(arguments)
            expectRefusal(outcome, arguments == ["generate", "--model", "m"] ? 65 : 64, names: names)
        }

        @Test func needsAPrompt() async throws {
            let outcome = try await VisualGen()("generate", "--model", TinyCheckpoint.path())
            expectRefusal(outcome, 64, names: ["prompt"])
        }

        /// No machine has so many.
        @Test(arguments: [VisualGen.generation(), ["bench", "product"], ["serve", "demo-image"]])
        func saysThatADeviceIsMissing(_ arguments: [String]) async throws {
            let outcome = try await VisualGen().run(arguments + ["--device", "cuda:127"])
            expectRefusal(outcome, 69, names: ["cuda:127 cannot be used"])
        }

        @Test func saysThatTheHubIsMissing() async throws {
            let outcome = try await VisualGen().shell(
                "HF_HUB_OFFLINE= HF_HUB_CACHE=cache HF_ENDPOINT=http://127.0.0.1:9 exec \"$0\" inspect org/name")
            expectRefusal(outcome, 69, names: ["127.0.0.1"])
        }

        /// Standard error may be closed or on a full disk; that is no reason to crash.
        @Test(arguments: ["2>&-", "2>/dev/full"]) func survivesWithoutStandardError(_ redirection: String) async throws
        {
            let visualgen = try VisualGen()
            let line = "exec \"$0\" \"$@\" \(redirection)"
            let model = TinyCheckpoint.path()
            let refused = try await visualgen.shell(
                line, "generate", "--model", model, "--prompt", "a", "--height", "0")
            #expect(refused.status == 64)
            #expect(!refused.isKilled)
            let made = try await visualgen.shell(
                line, "generate", "--model", model, "--prompt", "a", "--size", "32x32", "--num-inference-steps", "1",
                "--output", "a.png")
            #expect(made.status == 0)
            #expect(visualgen.folder.names == ["a.png"])
        }
    }
}
