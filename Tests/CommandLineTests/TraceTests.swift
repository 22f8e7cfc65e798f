import Foundation
import Layers
import Media
import TestKit
import Testing

extension CommandLineTests {
    @Suite struct TraceTests {
        private let visualgen: VisualGen

        init() throws { visualgen = try VisualGen() }

        /// A golden's request as a command.
        private func arguments(_ request: GoldenRequest) -> [String] {
            func json(_ texts: [String]) -> String {
                (try? JSONEncoder().encode(texts)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            }
            var arguments = ["generate", "--model", TinyCheckpoint.path(of: request.model), "--quiet"]
            for prompt in request.prompts { arguments += ["--prompt", prompt] }
            for prompt in request.negativePrompt ?? [] { arguments += ["--negative-prompt=\(prompt)"] }
            for seed in request.seeds { arguments += ["--seed", "\(seed)"] }
            if let texts = request.prompt2 { arguments += ["--extra", "prompt_2=\(json(texts))"] }
            if let texts = request.negativePrompt2 { arguments += ["--extra", "negative_prompt_2=\(json(texts))"] }
            if let sigmas = request.sigmas { arguments += ["--extra", "sigmas=\(sigmas)"] }
            if let scale = request.trueCfgScale { arguments += ["--extra", "true_cfg_scale=\(scale)"] }
            for (name, area) in request.areas ?? [:] { arguments += ["--extra", "\(name.lowercased())=\(area)"] }
            if let height = request.height { arguments += ["--height", "\(height)"] }
            if let width = request.width { arguments += ["--width", "\(width)"] }
            for name in request.image?.names ?? [] { arguments += ["--image", "\(request.pictures)/\(name)"] }
            if let scale = request.guidanceScale { arguments += ["--guidance-scale", "\(scale)"] }
            if let length = request.maxSequenceLength { arguments += ["--max-sequence-length", "\(length)"] }
            return arguments + [
                "--num-inference-steps", "\(request.numInferenceSteps)",
                "--num-images-per-prompt", "\(request.numImagesPerPrompt)",
            ]
        }

        @Test(arguments: [
            "flux1/dev", "flux1/schnell", "flux1/dev-batch-images-seeds", "flux1/dev-true-cfg-batch-negatives",
            "flux1/dev-sigmas", "flux1/dev-odd-size", "flux1/dev-true-cfg-empty", "flux1/dev-unicode",
            "flux1/schnell-true-cfg", "flux2/dev-batch", "flux2/dev-sigmas", "flux2/dev-edit-two", "flux2/dev-special",
            "flux2/klein-base-batch", "flux2/klein-edit-two", "qwen-image/guided", "qwen-image-edit/zero-two-guided",
            "qwen-image-edit/first",
        ])
        func tracesWhatTheReferenceComputes(_ name: String) async throws {
            let golden = try Golden(name)
            let parts = name.split(separator: "/").map(String.init)
            let (floors, request) = (try Floors(parts[0]), parts[1])
            let outcome = try await visualgen.run(
                arguments(golden.request()) + ["--trace", "trace.safetensors", "--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let trace = try Golden(path: visualgen.folder.file("trace.safetensors"))
            let names = golden.names.filter { !["timesteps", "sigmas"].contains($0) }
            #expect(trace.names == names)
            for name in names {
                let (found, expected) = try (trace.tensor(name), golden.tensor(name))
                #expect(found.dtype == (name == "output" ? .uint8 : .float32), "\(name)")
                let distance = Distance(
                    name, of: found.doubles, shape: found.shape, to: expected.doubles, shape: expected.shape)
                #expect(distance <= floors.limit(name, of: request))
            }
        }

        @Test func writesMetrics() async throws {
            let outcome = try await visualgen.run(
                VisualGen.generation() + ["--num-images-per-prompt", "2", "--metrics", "m.json", "--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let data = try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file("m.json")))
            let metrics = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            #expect(
                Set(metrics.keys) == [
                    "load", "text", "denoise", "decode", "encode", "peak_memory_bytes", "predicted_peak_memory_bytes",
                    "kernels",
                ])
            let kernels = try #require(metrics["kernels"] as? [String: [String: Int]])
            #expect(kernels["attention"]?.keys.sorted() == ["tiled"])
            for stage in ["load", "text", "decode", "encode"] {
                let seconds = try #require(metrics[stage] as? Double, "\(stage)")
                #expect((0..<60).contains(seconds) && seconds > 0, "\(stage)")
            }
            let steps = try #require(metrics["denoise"] as? [Double])
            #expect(steps.count == 2)
            #expect(steps.allSatisfy { $0 > 0 && $0 < 60 })
            let memory = try #require(metrics["peak_memory_bytes"] as? Int)
            #expect((10_000_000..<4_000_000_000).contains(memory))
        }

        @Test func writesAProfile() async throws {
            let outcome = try await visualgen.run(
                VisualGen.generation() + ["--profile", "p.json", "--output", "a.png"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let data = try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file("p.json")))
            let profile = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            let events = try #require(profile["traceEvents"] as? [[String: Any]])
            let names = Set(events.compactMap { $0["name"] as? String })
            #expect(names.isSuperset(of: ["aten::_convolution", "aten::embedding"]))
            #expect(!names.isDisjoint(with: ["aten::linear", "mkldnn::_linear_pointwise", "visualgen::tile_linear"]))
        }

        /// LibTorch's profiler has complaints of its own before.
        @Test(arguments: ["none/p.json", "/proc/p.json"]) func saysWhereAProfileCannotBeWritten(_ path: String)
            async throws
        {
            let outcome = try await visualgen.run(
                VisualGen.generation() + ["--profile", path, "--output", "a.png"])
            #expect(outcome.status == 73)
            #expect(outcome.complaints.last?.hasPrefix("visualgen: \(path) cannot be written: ") == true)
        }

        @Test func reportsWhatAStepCacheLeftOut() async throws {
            let cache = "{cache_backend: teacache, teacache_thresh: 1000, max_error: 1000}"
            func run(steps: String) async throws -> VisualGen.Outcome {
                try await visualgen.run([
                    "generate", "--model", TinyCheckpoint.path(), "--cache-config", cache, "--prompt", "a lake",
                    "--size",
                    "32x32", "--num-inference-steps", steps, "--max-sequence-length", "16", "--metrics", "m.json",
                    "--output", "a.png",
                ])
            }
            let outcome = try await run(steps: "6")
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let data = try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file("m.json")))
            let metrics = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            let branches = try #require(metrics["cache"] as? [[String: Any]])
            #expect(branches.count == 1)
            #expect(branches[0]["transformer"] as? String == "transformer")
            #expect(branches[0]["guidance"] as? String == "positive")
            #expect(branches[0]["skipped_steps"] as? [Int] == [2, 3, 4])
            #expect(branches[0]["skipped_blocks"] as? [Int] == [0, 4])
            #expect(branches[0]["skipped_share"] as? Double == 0.5)
            #expect((branches[0]["audits"] as? [[String: Any]])?.map { $0["step"] as? Int } == [1])
            #expect((branches[0]["greatest_error"] as? Double).map { $0 > 0 } == true)
            expectRefusal(try await run(steps: "1"), 64, names: ["num_inference_steps is 1", "at least 2"])
        }

        /// From requests in which the program outweighs the model to those in which it is the other way around.
        private static let requests = [
            ["demo-image", "512x512", "a.png", "float32"], ["demo-image", "256x256", "a.png", "bfloat16"],
            ["demo-video", "128x128", "a.webm", "bfloat16"], ["flux1-tiny-dev", "64x64", "a.png", "float32"],
            ["qwen-image-tiny", "64x64", "a.png", "bfloat16"],
            ["wan2.1-tiny-t2v", "256x256", "a.mp4", "float32", "--num-frames", "5"],
            ["ltx2-tiny", "64x64", "a.png", "float32", "--num-frames", "1"],
            ["ltx2-tiny", "64x64", "a.mp4", "bfloat16"], ["ltx2.3-tiny", "64x64", "a.mp4", "float32"],
        ]

        @Test(arguments: requests)
        func predictsThePeakOfMemory(_ request: [String]) async throws {
            let model = request[0].hasPrefix("demo") ? request[0] : TinyCheckpoint.path(of: request[0])
            let outcome = try await visualgen.run(
                [
                    "generate", "--model", model, "--prompt", "a red circle", "--size", request[1], "--dtype",
                    request[3],
                    "--num-inference-steps", "2", "--metrics", "m.json", "--output", request[2],
                ] + request[4...], threads: 2)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let data = try Data(contentsOf: URL(fileURLWithPath: visualgen.folder.file("m.json")))
            let metrics = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            let found = try #require(metrics["peak_memory_bytes"] as? Double)
            let predicted = try #require(metrics["predicted_peak_memory_bytes"] as? Double)
            #expect((1...1.6).contains(predicted / found), "\(predicted) for \(found)")
        }

        @Test func makesTheSameImageWithinAMemoryLimit() async throws {
            let free = try await visualgen.run(VisualGen.generation() + ["--output", "a.png"], threads: 2)
            let limited = try await visualgen.run(
                VisualGen.generation() + ["--memory-limit", "330MB", "--output", "b.png"], threads: 2)
            #expect(free.status == 0 && limited.status == 0, "\(limited.testDescription)")
            let files = ["a.png", "b.png"].map(visualgen.folder.file)
            #expect(try Image(path: files[0]).pixels == Image(path: files[1]).pixels)
        }
    }
}
