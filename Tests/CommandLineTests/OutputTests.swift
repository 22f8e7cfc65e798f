import Foundation
import Media
import TestKit
import Testing

extension CommandLineTests {
    /// Where images go, and what happens when they cannot.
    @Suite struct OutputTests {
        private let visualgen: VisualGen
        private var folder: TemporaryFolder { visualgen.folder }

        init() throws { visualgen = try VisualGen() }

        @Test(arguments: ["png", "jpg", "jpeg", "webp", "PNG"])
        func writesTheFormatOfTheExtension(_ name: String) async throws {
            let outcome = try await visualgen.run(VisualGen.generation() + ["--output", "image.\(name)"])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(folder.names == ["image.\(name)"])
            let image = try Image(path: folder.file("image.\(name)"))
            #expect((image.width, image.height) == (32, 32))
            let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder.file("image.\(name)"))))
            let magic: [UInt8] =
                switch name.lowercased() {
                case "png": [0x89, 0x50, 0x4E, 0x47]
                case "webp": [0x52, 0x49, 0x46, 0x46]
                default: [0xFF, 0xD8, 0xFF]
                }
            #expect(Array(bytes.prefix(magic.count)) == magic)
        }

        @Test(arguments: [
            ("a.png", ["a-0.png", "a-1.png", "a-2.png"]), ("b%d.png", ["b0.png", "b1.png", "b2.png"]),
            ("%d-%d.webp", ["0-0.webp", "1-1.webp", "2-2.webp"]),
        ])
        func numbersSeveralImages(_ output: String, _ expected: [String]) async throws {
            let outcome = try await visualgen.run(
                VisualGen.generation() + ["--num-images-per-prompt", "3", "--output", output])
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(folder.names == expected)
            let images = try expected.map { try Image(path: folder.file($0)).pixels }
            #expect(Set(images).count == 3)
        }

        @Test func replacesAFileInOneStep() async throws {
            try folder.write("old", to: "a.png")
            let outcome = try await visualgen.run(VisualGen.generation() + ["--output", "a.png"])
            #expect(outcome.status == 0)
            #expect(try Image(path: folder.file("a.png")).width == 32)
        }

        @Test(arguments: ["none/a.png", "/no/such/folder/a.png", "file/a.png", "folder.png", "/proc/a.png"])
        func refusesAPathThatCannotBeWritten(_ output: String) async throws {
            try folder.write("", to: "file")
            try FileManager.default.createDirectory(
                atPath: folder.file("folder.png"), withIntermediateDirectories: false)
            for option in ["--output", "--metrics", "--trace"] {
                let outcome = try await visualgen.run(VisualGen.generation() + [option, output])
                expectRefusal(outcome, 73, names: [output])
            }
            #expect(folder.names.filter { $0.contains("partial") } == [])
        }

        /// A limit on the size of files stands for a full disk: the write fails after some bytes.
        @Test(arguments: [("--output", "b.png", 1), ("--output", "b.webp", 1), ("--trace", "b.safetensors", 8)])
        func leavesNothingHalfWrittenWhenTheDiskIsFull(_ option: String, _ path: String, _ kilobytes: Int) async throws
        {
            let size = option == "--output" ? "128x128" : "32x32"
            let outcome = try await visualgen.shell(
                "ulimit -f \(kilobytes); exec \"$0\" \"$@\"", "generate", "--model", TinyCheckpoint.path(), "--prompt",
                "a", "--size", size, "--num-inference-steps", "1", "--quiet", "--output", "a.png", option, path)
            expectRefusal(outcome, 73, names: [path])
            #expect(!folder.names.contains(path))
            #expect(folder.names.filter { $0 != "a.png" } == [])
        }

        @Test func keepsTheOldFileWhenTheDiskIsFull() async throws {
            try folder.write("old", to: "a.png")
            let outcome = try await visualgen.shell(
                "ulimit -f 1; exec \"$0\" \"$@\"", "generate", "--model", TinyCheckpoint.path(), "--prompt", "a",
                "--size", "128x128", "--num-inference-steps", "1", "--quiet", "--output", "a.png")
            expectRefusal(outcome, 73, names: ["a.png"])
            #expect(try String(contentsOfFile: folder.file("a.png"), encoding: .utf8) == "old")
            #expect(folder.names == ["a.png"])
        }

        @Test func showsPlainLinesWhereThereIsNoTerminal() async throws {
            let outcome = try await visualgen.run(VisualGen.generation() + ["--output", "a.png"])
            let lines = outcome.errors.split(separator: "\n").map(String.init)
            #expect(lines.count == 9, "\(outcome.testDescription)")
            #expect(lines[0] == "loading text_encoder")
            #expect(lines[4] == "encoding the prompt")
            #expect(lines[5].hasPrefix("denoising: step 1/2, "))
            #expect(lines[6].hasPrefix("denoising: step 2/2, "))
            #expect(lines[6].hasSuffix(" s left"))
            #expect(lines[7] == "decoding")
            #expect(lines[8] == "saved a.png")
            #expect(!outcome.errors.contains("\u{1B}"))
            #expect(!outcome.errors.contains("\r"))
            #expect(outcome.output.isEmpty)
        }

        @Test func showsNothingWhenQuiet() async throws {
            let outcome = try await visualgen.run(VisualGen.generation() + ["--quiet", "--output", "a.png"])
            #expect(outcome.status == 0)
            #expect(outcome.errors.isEmpty)
            #expect(outcome.output.isEmpty)
        }

        @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/script")))
        func showsABarOnATerminal() async throws {
            let arguments = (VisualGen.generation() + ["--output", "a.png"]).map { "'\($0)'" }.joined(separator: " ")
            let outcome = try await VisualGen.run(
                "/usr/bin/script", ["-qec", "'\(VisualGen.path)' \(arguments)", "/dev/null"], in: folder.path)
            #expect(outcome.status == 0, "\(outcome.testDescription)")
            #expect(outcome.output.contains("█"))
            #expect(outcome.output.contains("\r\u{1B}[K"))
            #expect(outcome.output.contains("step 2/2"))
            #expect(outcome.output.contains("saved a.png"))
        }
    }
}
