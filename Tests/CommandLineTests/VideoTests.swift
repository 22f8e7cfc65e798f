import Foundation
import Media
import TestKit
import Testing

extension CommandLineTests {
    /// Videos, with tiny checkpoints of Wan.
    @Suite struct VideoTests {
        private let visualgen: VisualGen
        private var folder: TemporaryFolder { visualgen.folder }

        init() throws { visualgen = try VisualGen() }

        /// Arguments that make five small frames.
        static func generation(_ model: String = "wan2.1-tiny-t2v", _ more: [String]) -> [String] {
            [
                "generate", "--model", TinyCheckpoint.path(of: model), "--prompt", "a lake", "--size", "32x16",
                "--num-frames", "5", "--num-inference-steps", "1", "--seed", "1", "--max-sequence-length", "16",
            ] + more
        }

        private func run(_ model: String = "wan2.1-tiny-t2v", _ more: String...) async throws -> VisualGen.Outcome {
            try await visualgen.run(Self.generation(model, more))
        }

        private func frames(_ name: String) throws -> [Image] {
            let reader = try VideoReader(path: folder.file(name))
            var frames: [Image] = []
            while let frame = try reader.next() { frames.append(frame) }
            return frames
        }

        private func images(_ name: String) throws -> [Image] {
            try FileManager.default.contentsOfDirectory(atPath: folder.file(name)).sorted()
                .map { try Image(path: folder.file("\(name)/\($0)")) }
        }

        @Test(arguments: ["a.mp4", "a.webm", "a.gif", "a.avi", "a.MP4"])
        func writesTheContainerOfTheExtension(_ name: String) async throws {
            let outcome = try await run("wan2.1-tiny-t2v", "--frame-rate", "10", "--output", name)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(folder.names == [name])
            #expect(try VideoReader(path: folder.file(name)).rate?.value == 10)
            let frames = try frames(name)
            #expect(frames.count == 5)
            #expect(frames.allSatisfy { ($0.width, $0.height) == (32, 16) })
        }

        @Test func writesNumberedImagesAndAnimatedWebP() async throws {
            for name in ["a/", "b-%03d.png", "c.webp"] {
                let outcome = try await run("wan2.1-tiny-t2v", "--output", name)
                #expect(outcome.status == 0, "\(outcome.testDescription)")
            }
            let numbered = (0..<5).map { "b-00\($0).png" }
            #expect(folder.names == ["a"] + numbered + ["c.webp"])
            #expect(try images("a") == numbered.map { try Image(path: folder.file($0)) })
            #expect(try Image(path: folder.file("c.webp")).width == 32)
        }

        @Test func aVideoOfOneFrameMayBeAnImage() async throws {
            let outcomes = [
                try await run("wan2.1-tiny-t2v", "--num-frames", "1"),
                try await run("wan2.1-tiny-t2v", "--num-frames", "1", "--output", "a.mp4"),
                try await run("wan2.1-tiny-t2v", "--num-frames", "1", "--output", "a.jpg"),
            ]
            for outcome in outcomes { #expect(outcome.status == 0, "\(outcome.testDescription)") }
            #expect(folder.names == ["a.jpg", "a.mp4", "output.png"])
            #expect(try frames("a.mp4").count == 1)
        }

        @Test func numbersSeveralVideosAndTellsWhatIsRounded() async throws {
            let outcome = try await run(
                "wan2.1-tiny-t2v", "--num-images-per-prompt", "2", "--num-frames", "4", "--size", "40x17")
            #expect(
                outcome.complaints == [
                    "visualgen: height is 17; the model makes 16, width is 40; the model makes 32, num_frames is 4; "
                        + "the model makes 5"
                ], "\(outcome.testDescription)")
            let ending = VideoFormat.mp4.isAvailable ? "mp4" : "avi"
            #expect(folder.names == ["output-0.\(ending)", "output-1.\(ending)"])
            let videos = try folder.names.map { try frames($0) }
            #expect(videos[0].count == 5 && videos[1].count == 5)
            #expect(videos[0] != videos[1])
        }

        @Test(arguments: ["a.mp4", "a.webm", "a.avi", "a/"])
        func printsACommandThatMakesTheVideoAgain(_ name: String) async throws {
            let made = try await visualgen.run([
                "generate", "--model", TinyCheckpoint.path(of: "wan2.2-tiny-i2v-a14b"), "--prompt",
                "it's\n\"日本語\" \\ $HOME", "--negative-prompt=", "--size", "32x16", "--num-frames", "5",
                "--frame-rate", "12.5", "--num-inference-steps", "2", "--max-sequence-length", "16", "--image",
                "\(Golden.folder)/wan/pictures/first.png", "--last-image=\(Golden.folder)/wan/pictures/last.png",
                "--output", name,
            ])
            #expect(made.status == 0, "\(made.testDescription)")
            let inspected = try await visualgen("inspect", name == "a/" ? "a/00003.png" : name)
            #expect(inspected.status == 0, "\(inspected.testDescription)")
            let command = try #require(inspected.output.range(of: "\nvisualgen generate "))
            var line = String(inspected.output[command.lowerBound...])
            line = line.trimmingCharacters(in: .newlines) + " --output again\(name.dropFirst())\n"
            try folder.write(line, to: "again.sh")
            let again = try await visualgen.shell("PATH=\"$(dirname \"$0\"):$PATH\" bash again.sh")
            #expect(again.status == 0, "\(again.testDescription)\n\(inspected.output)")
            if name == "a/" {
                #expect(try images("a") == images("again"))
            } else {
                let files = [name, "again\(name.dropFirst())"].map { URL(fileURLWithPath: folder.file($0)) }
                #expect(try Data(contentsOf: files[0]) == Data(contentsOf: files[1]))
            }
        }

        @Test func inspectRefusesVideosThatDoNotTell() async throws {
            let outcome = try await run("wan2.1-tiny-t2v", "--output", "a.gif")
            #expect(outcome.status == 0)
            try folder.write("no video", to: "b.mp4")
            for name in ["a.gif", "b.mp4"] {
                let outcome = try await visualgen("inspect", name)
                #expect(outcome.status == 65, "\(outcome.testDescription)")
                #expect(outcome.complaints.count == 1)
                #expect(outcome.errors.contains(name))
            }
        }

        /// A limit on the size of files stands for a full disk.
        @Test(arguments: ["a.mp4", "a.webm", "a.webp", "a.gif", "a.avi", "a/"])
        func leavesNothingHalfWrittenWhenTheDiskIsFull(_ name: String) async throws {
            if name != "a/" { try folder.write("old", to: name) }
            let outcome = try await visualgen.shell(
                "ulimit -f 1; exec \"$0\" \"$@\"", "generate", "--model", TinyCheckpoint.path(of: "wan2.1-tiny-t2v"),
                "--prompt", "a", "--size", "128x128", "--num-frames", "5", "--num-inference-steps", "1", "--quiet",
                "--max-sequence-length", "16", "--output", name)
            expectRefusal(outcome, 73, names: [name])
            #expect(folder.names == (name == "a/" ? [] : [name]))
            if name != "a/" { #expect(try String(contentsOfFile: folder.file(name), encoding: .utf8) == "old") }
        }

        @Test(arguments: ["t2v", "t2v-videos-per-prompt", "i2v-a14b-last", "ti2v-image"])
        func tracesWhatTheReferenceComputes(_ name: String) async throws {
            let golden = try Golden("wan/pipelines/\(name)")
            let outcome = try await visualgen.run(
                ["generate"] + golden.command() + ["--trace", "trace.safetensors", "--output", "a/", "--quiet"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let trace = try Golden(path: folder.file("trace.safetensors"))
            let (found, expected) = try (trace.tensor("output"), golden.tensor("output"))
            let distance = Distance(
                name, of: found.doubles, shape: found.shape, to: expected.doubles, shape: expected.shape)
            #expect(distance <= 1)
            let first = folder.names.contains("a") ? "a" : "a-0"
            let pixels = try images(first).flatMap(\.pixels)
            #expect(pixels.map(Double.init) == Array(found.doubles.prefix(pixels.count)))
        }

        @Test func measuresEncodingBesideDecoding() async throws {
            let outcome = try await run("wan2.1-tiny-t2v", "--metrics", "m", "--output", "a.webm")
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            let data = try Data(contentsOf: URL(fileURLWithPath: folder.file("m")))
            let metrics = try #require(JSONSerialization.jsonObject(with: data) as? [String: Any])
            for stage in ["decode", "encode"] { #expect(try #require(metrics[stage] as? Double) > 0) }
        }

        /// Each gives the video that its pixels give as a plain PNG.
        @Test(arguments: ["cmyk.jpg", "rgb16.png", "rgba.png", "animated.gif", "turned6.jpg", "grey.jpg"])
        func takesImagesOfEveryKind(_ name: String) async throws {
            let resource = "\(Golden.folder)/../MediaTests/Resources/\(name)"
            // That these are PIL's pixels is what the tests of Media are for.
            try Image(path: resource).write(to: folder.file("plain.png"))
            for (image, output) in [(resource, "a/"), ("plain.png", "b/")] {
                let outcome = try await run("wan2.2-tiny-i2v-a14b", "--image", image, "--output", output)
                #expect(outcome.status == 0, "\(outcome.testDescription)")
            }
            #expect(try images("a") == images("b"))
            #expect(try images("a").count == 5)
        }
    }
}
