import Foundation
import Layers
import Media
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct InspectTests {
        private let visualgen: VisualGen
        private var folder: TemporaryFolder { visualgen.folder }

        init() throws { visualgen = try VisualGen() }

        private func texts(_ name: String) throws -> [String: String] {
            let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder.file(name))))
            return try Dictionary(PNGText.read(bytes).map { ($0.keyword, $0.text) }) { $1 }
        }

        @Test func anImageCarriesHowItWasMade() async throws {
            let outcome = try await visualgen.run(
                VisualGen.generation() + ["--prompt", "a dog", "--seed", "9", "--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            for (name, prompt, seed) in [("a-0.png", "a lake", "1"), ("a-1.png", "a dog", "9")] {
                let texts = try texts(name)
                #expect(texts["prompt"] == prompt)
                #expect(texts["seed"] == seed)
                #expect(texts["model"] == TinyCheckpoint.path())
                #expect(texts["settings"]?.contains("32x32") == true)
                #expect(texts["settings"]?.contains("2 steps") == true)
                #expect(texts["Software"] == "VisualGen")
            }
        }

        @Test(arguments: [
            "a lake", "it's \"quoted\" `twice` $HOME \\n !!", "--height", "two\nlines\tand tab", "日本語 🙂 é", "",
            "*? [a] {b,c} ~ # & ; | < >", "\u{301}it's'\u{301}; touch pwned; : '\u{301}",
            "\u{1B}]0;x\u{7}a\r\nb\u{202E}!\n\n",
        ])
        func printsACommandThatMakesTheImageAgain(_ prompt: String) async throws {
            let made = try await visualgen.run([
                "generate", "--model", TinyCheckpoint.path(), "--prompt", prompt, "--negative-prompt=", "--width", "40",
                "--height", "32", "--num-inference-steps", "2", "--extra", "true_cfg_scale=1.5", "--extra",
                "prompt_2=it's", "--extra", "sigmas=[1, 0.37]", "--max-sequence-length", "24", "--output", "a.png",
                "--seed", "18446744073709551615", "--cache-config",
                "{cache_backend: teacache, coefficients: [1e-3, 0.5]}",
            ])
            #expect(made.status == 0, "\(made.testDescription)")
            let inspected = try await visualgen("inspect", "a.png")
            #expect(inspected.status == 0)
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            try folder.write(String(inspected.output[command.lowerBound...]), to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" sh again.sh")
            #expect(again.status == 0, "\(again.testDescription)\n\(inspected.output)")
            #expect(!folder.names.contains("pwned"))
            let bytes = try ["a.png", "output.png"].map { try Data(contentsOf: URL(fileURLWithPath: folder.file($0))) }
            #expect(bytes[0] == bytes[1])
        }

        /// Whatever a file's texts are, they are shown, and neither the terminal nor the reader takes them for more.
        @Test func showsForeignTextsAsTheyAre() async throws {
            let made = try await visualgen.run(VisualGen.generation() + ["--output", "a.png"])
            #expect(made.status == 0)
            let file = URL(fileURLWithPath: folder.file("plain.png"))
            try Image(path: folder.file("a.png")).write(to: file.path, as: ImageEncoding(.png))
            let texts = [
                PNGText(keyword: "prompt", text: "a\u{1B}[2J\u{7}\r\nvisualgen generate; touch pwned\u{202E}"),
                PNGText(keyword: "visualgen generate; touch pwned", text: "b"),
                PNGText(keyword: "visualgen", text: #"["--prompt=fox'\u0301; touch pwned; : '\u0301"]"#),
            ]
            try Data(PNGText.insert(texts, into: [UInt8](Data(contentsOf: file)))).write(to: file)
            let inspected = try await visualgen("inspect", "plain.png")
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            #expect(!inspected.output.unicodeScalars.contains { $0.value < 0x20 && $0 != "\n" || $0.value == 0x202E })
            let lines = inspected.output.split(separator: "\n")
            #expect(lines.filter { $0.hasPrefix("visualgen generate") }.count == 1, "\(inspected.output)")
            #expect(inspected.output.contains(#"prompt: a\u{1B}[2J\u{7}\r"#))
            try folder.write("visualgen() { printf '<%s>' \"$@\"; }\n\(lines.last ?? "")\n", to: "pasted.sh")
            let pasted = try await visualgen.shell("sh pasted.sh")
            #expect(pasted.output == "<generate><--prompt=fox'\u{301}; touch pwned; : '\u{301}>")
            #expect(!folder.names.contains("pwned"))
        }

        @Test func printsTheSeedThatWasDrawn() async throws {
            let made = try await visualgen(
                "generate", "--model", TinyCheckpoint.path(), "--prompt", "a", "--size", "32x32",
                "--num-inference-steps", "1", "--output", "a.png")
            #expect(made.status == 0)
            let seed = try #require(texts("a.png")["seed"])
            #expect(try await visualgen("inspect", "a.png").output.contains("--seed=\(seed)"))
        }

        @Test(arguments: TinyCheckpoint.models) func tellsWhatAModelIs(_ model: String) async throws {
            let outcome = try await visualgen("inspect", TinyCheckpoint.path(of: model))
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            for text in [
                "FLUX.1 (FluxPipeline)", "text_encoder: ", "text_encoder_2: ", "transformer: ", "vae: ", "F32",
                "prompt_2, negative_prompt_2, true_cfg_scale, sigmas",
            ] {
                #expect(outcome.output.contains(text), "\(text)")
            }
            for text in ["missing", "unread", "shape"] { #expect(!outcome.output.contains(text), "\(text)") }
            #expect(outcome.errors.isEmpty)
        }

        @Test func listsEveryFaultOfAModel() async throws {
            let copy = try TinyCheckpoint()
            try copy.rewriteTensors(of: "vae") { tensors in
                tensors.removeAll { $0.name == "decoder.conv_in.bias" }
                tensors.append(.init(name: "stray", shape: [1], floats: [1]))
                tensors = tensors.map { $0.name == "decoder.conv_in.weight" ? $0.reshaped([4, 8, 3, 3]) : $0 }
            }
            let outcome = try await visualgen("inspect", copy.path)
            #expect(outcome.status == 65)
            #expect(outcome.complaints.count == 1)
            #expect(outcome.errors.contains("3 faults"))
            #expect(outcome.output.contains("missing: decoder.conv_in.bias"))
            #expect(outcome.output.contains("unread: stray"))
            #expect(outcome.output.contains("shape: decoder.conv_in.weight is [4, 8, 3, 3]"))
        }

        @Test func tellsAFaultOfATypeAndOfWhatHasNoWeights() async throws {
            let type = try TinyCheckpoint()
            try type.rewriteTensors(of: "vae") { tensors in
                tensors = tensors.map {
                    guard $0.name == "decoder.conv_in.bias" else { return $0 }
                    return .init(name: $0.name, dtype: .int32, shape: $0.shape, bytes: $0.bytes)
                }
            }
            let outcome = try await visualgen("inspect", type.path)
            #expect(outcome.status == 65)
            #expect(outcome.output.contains("type: decoder.conv_in.bias is I32"))
            for file in ["scheduler/scheduler_config.json", "tokenizer/tokenizer.json", "tokenizer_2/tokenizer.json"] {
                let copy = try TinyCheckpoint()
                try copy.truncate(file)
                let outcome = try await visualgen("inspect", copy.path)
                #expect(outcome.status == 65, "\(outcome.testDescription)")
                #expect(outcome.errors.contains(file), "\(outcome.testDescription)")
            }
        }

        @Test func notesConfigKeysWithoutEffect() async throws {
            let copy = try TinyCheckpoint()
            try copy.editJSON("transformer/config.json") {
                $0["qk_norm"] = NSNull()
                $0["attention_bias"] = false
            }
            let outcome = try await visualgen("inspect", copy.path)
            #expect(outcome.status == 0)
            #expect(outcome.output.contains("attention_bias, qk_norm"))
        }

        @Test func refusesWhatItCannotInspect() async throws {
            try folder.write("no image", to: "a.png")
            let image = try await visualgen.run(VisualGen.generation() + ["--output", "b.png"])
            #expect(image.status == 0)
            let pixels = try Image(path: folder.file("b.png"))
            try pixels.write(to: folder.file("plain.png"), as: ImageEncoding(.png))
            for (subject, names) in [
                ("a.png", ["a.png", "PNG"]), ("plain.png", ["plain.png"]), ("none.png", ["none.png"]),
                ("/no/such", ["/no/such"]),
            ] {
                let outcome = try await visualgen("inspect", subject)
                #expect(outcome.status == 65, "\(outcome.testDescription)")
                #expect(outcome.complaints.count == 1)
                for name in names { #expect(outcome.errors.contains(name), "\(outcome.testDescription)") }
            }
        }

        @Test func refusesADamagedModel() async throws {
            let truncated = try TinyCheckpoint()
            try truncated.truncate("vae/diffusion_pytorch_model.safetensors")
            let unknown = try TinyCheckpoint()
            try unknown.editJSON("vae/config.json") { $0["qk_norm"] = "rms" }
            for (copy, name) in [(truncated, "diffusion_pytorch_model.safetensors"), (unknown, "qk_norm")] {
                let outcome = try await visualgen("inspect", copy.path)
                #expect(outcome.status == 65, "\(outcome.testDescription)")
                #expect(outcome.complaints.count == 1)
                #expect(outcome.errors.contains(name))
            }
            for option in ["--allow-unknown", "--allow-unknown-config"] {
                let allowed = try await visualgen("inspect", unknown.path, option)
                #expect(allowed.status == 0)
                #expect(allowed.output.contains("qk_norm"))
            }
        }

        @Test func notesTensorsThatAreLeftOut() async throws {
            let copy = try TinyCheckpoint()
            try copy.rewriteTensors(of: "text_encoder") {
                $0.append(.init(name: "text_projection.weight", shape: [1], floats: [1]))
            }
            let known = try await visualgen("inspect", copy.path)
            #expect(known.status == 0, "\(known.testDescription)")
            #expect(known.output.contains("tensors that this class leaves out: "))
            #expect(known.output.contains(", text_projection.weight\n"))
            try copy.rewriteTensors(of: "vae") { $0.append(.init(name: "ema\u{1B}[31m", shape: [1], floats: [1])) }
            let unknown = try await visualgen("inspect", copy.path)
            #expect(unknown.status == 65)
            #expect(unknown.output.contains("unread: \"ema\\u{1B}[31m\"") && !unknown.output.contains("\u{1B}"))
            let allowed = try await visualgen("inspect", copy.path, "--allow-unknown")
            #expect(allowed.status == 0, "\(allowed.testDescription)")
            #expect(allowed.output.contains("unknown tensors without effect: \"ema"))
        }

        @Test func notesWhatAnIndexSaysInVain() async throws {
            let copy = try TinyCheckpoint()
            let file = "transformer/diffusion_pytorch_model.safetensors.index.json"
            try copy.editJSON(file) { index in
                var map = index["weight_map"] as? [String: Any] ?? [:]
                map["gone"] = "diffusion_pytorch_model-00003-of-00002.safetensors"
                index["weight_map"] = map
            }
            let outcome = try await visualgen("inspect", copy.path)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.output.contains("00003-of-00002.safetensors\", which is not there"))
        }
    }
}
