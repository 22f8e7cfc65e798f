import Foundation
import Media
import TestKit
import Testing

extension CommandLineRefusalTests {
    /// Requests for videos that are refused before anything is loaded.
    @Suite struct VideoUsageTests {
        nonisolated static let refused: [(model: String, arguments: [String], status: Int32, names: [String])] = [
            ("wan2.1-tiny-t2v", ["--num-frames", "0"], 64, ["num_frames is 0"]),
            ("wan2.1-tiny-t2v", ["--num-frames", "-4"], 64, ["num_frames is -4"]),
            ("wan2.1-tiny-t2v", ["--frame-rate", "0"], 64, ["frame_rate is 0.0"]),
            ("wan2.1-tiny-t2v", ["--frame-rate", "nan"], 64, ["frame_rate is nan"]),
            ("wan2.1-tiny-t2v", ["--frame-rate", "60", "--output", "a.gif"], 64, ["GIF", "60.0"]),
            ("wan2.1-tiny-t2v", ["--output", "a.mkv"], 64, ["output is a.mkv", ".mp4"]),
            ("wan2.1-tiny-t2v", ["--output", "a.png"], 64, ["output is a.png", "5 frames"]),
            ("wan2.1-tiny-t2v", ["--output", "a.jpg"], 64, ["output is a.jpg"]),
            ("wan2.1-tiny-t2v", ["--output", "a"], 64, ["output is a;"]),
            (
                "wan2.1-tiny-t2v", ["--output", "a-%d.png", "--num-images-per-prompt", "2"], 64,
                ["a-%d.png", "2 videos"]
            ),
            ("wan2.1-tiny-t2v", ["--crf", "52"], 64, ["CRF", "52"]),
            ("wan2.1-tiny-t2v", ["--crf", "-1", "--output", "a.webm"], 64, ["CRF", "-1"]),
            ("wan2.1-tiny-t2v", ["--crf", "20", "--output", "a.gif"], 64, ["CRF", "GIF"]),
            ("wan2.1-tiny-t2v", ["--crf", "20", "--num-frames", "1"], 64, ["crf", "output.png"]),
            ("wan2.1-tiny-t2v", ["--output", "none/a.mp4"], 73, ["none/a.mp4"]),
            ("wan2.1-tiny-t2v", ["--output", "none/a/"], 73, ["none/a"]),
            ("wan2.1-tiny-t2v", ["--output", "none/%d.png"], 73, ["none/%d.png"]),
            ("wan2.1-tiny-t2v", ["--output", "first.png/"], 73, ["first.png"]),
            ("wan2.1-tiny-t2v", ["--image", "first.png"], 64, ["no parameter image"]),
            ("wan2.1-tiny-t2v", ["--last-image", "first.png"], 64, ["no parameter last_image"]),
            ("wan2.2-tiny-i2v-a14b", [], 64, ["image is needed"]),
            ("wan2.2-tiny-i2v-a14b", ["--image", "first.png", "--image", "first.png"], 64, ["image", "2 values"]),
            ("wan2.2-tiny-i2v-a14b", ["--image", "none.png"], 65, ["none.png"]),
            ("wan2.2-tiny-i2v-a14b", ["--image", "first.png", "--last-image", "text.png"], 65, ["text.png"]),
        ]

        @Test(arguments: refused.indices) func refusesInOneSentence(_ index: Int) async throws {
            let (model, arguments, status, names) = Self.refused[index]
            let visualgen = try VisualGen()
            try FileManager.default.copyItem(
                atPath: "\(Golden.folder)/wan/pictures/first.png", toPath: visualgen.folder.file("first.png"))
            try visualgen.folder.write("no image", to: "text.png")
            let outcome = try await visualgen.run(CommandLineTests.VideoTests.generation(model, arguments))
            expectRefusal(outcome, status, names: names)
            #expect(visualgen.folder.names == ["first.png", "text.png"])
            #expect(!outcome.errors.contains("loading"))
        }
    }
}
