import Diffusion
import Media
import Testing
import VisualGen

@Suite struct OutputFormatTests {
    /// Of models that make both, where nobody says how many frames.
    @Test(
        arguments: [
            ("a.png", String?.none, 1), ("a.jpg", nil, 1), ("a%d.jpeg", nil, 1), ("a.webp", nil, nil),
            ("a-%d.png", nil, nil),
            ("a.mp4", nil, nil), ("a/", nil, nil), ("a", nil, nil), ("a", "PNG", 1), ("a.mp4", "jpeg", 1),
            ("a.png", "mp4", nil),
            ("a.png", "webp", nil), (nil, nil, nil),
        ] as [(String?, String?, Int?)])
    func asksForOneFrameWhereOnlyAnImageFits(_ path: String?, _ format: String?, _ frames: Int?) {
        let images = GenerationRequest(prompts: [])
        #expect(OutputFormat.frames(nil, savingTo: path, format: format, images) == frames)
        #expect(OutputFormat.frames(9, savingTo: path, format: format, images) == 9)
        #expect(OutputFormat.frames(nil, savingTo: path, format: format, nil) == nil)
    }

    @Test(arguments: [
        ("a.png", Int?.none, OutputFormat.image(.png)), ("a.WEBP", nil, .image(.webp)),
        ("a%d.jpeg", nil, .image(.jpeg)), ("a.png", 1, .image(.png)), ("a.webp", 1, .image(.webp)),
        ("a-%d.png", 1, .image(.png)), ("a-%05d.png", 1, .video(.images)), ("a/", 1, .video(.images)),
        ("a.mp4", 1, .video(.mp4)), ("a.webp", 5, .video(.webp)), ("a.MP4", 5, .video(.mp4)),
        ("a.webm", 5, .video(.webm)), ("a.gif", 5, .video(.gif)), ("a.avi", 5, .video(.avi)),
        ("a-%d.png", 5, .video(.images)), ("a/", 5, .video(.images)), ("b/%05d.png", 5, .video(.images)),
    ])
    func followsTheName(_ path: String, _ frames: Int?, _ format: OutputFormat) throws {
        #expect(try OutputFormat(path: path, frames: frames) == format)
    }

    @Test(arguments: [
        ("a.mp4", Int?.none, "output is a.mp4; it must be a name that ends in .png, .jpg, .jpeg or .webp: this model"),
        ("a/", nil, "output is a/"), ("", nil, "output is empty"), ("a.gif", nil, "output is a.gif"),
        ("a.png", 5, "output is a.png; it must be a name that ends in .mp4, .webm, .webp, .gif or .avi, in / for"),
        ("a.jpg", 5, "a video of 5 frames is made"), ("a.mkv", 5, "output is a.mkv"), ("a", 5, "output is a;"),
        ("a.mkv", 1, "or in .png, .jpg, .jpeg or .webp"),
    ])
    func saysWhatNameWouldDo(_ path: String, _ frames: Int?, _ sentence: String) {
        let error = #expect(throws: RequestError.self) { try OutputFormat(path: path, frames: frames) }
        #expect(error?.description.contains(sentence) == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        ("a.mp4", 5, 1, ["a.mp4"]), ("a.mp4", 5, 2, ["a-0.mp4", "a-1.mp4"]), ("%d.mp4", 5, 1, ["0.mp4"]),
        ("a/", 5, 1, ["a/"]), ("b/a/", 5, 2, ["b/a-0/", "b/a-1/"]), ("a-%d/", 5, 2, ["a-0/", "a-1/"]),
        ("a-%d.png", 5, 1, ["a-%d.png"]), ("a-%d.png", 1, 2, ["a-0.png", "a-1.png"]),
        ("%d-%05d.png", 5, 2, ["0-%05d.png", "1-%05d.png"]),
    ])
    func numbersPaths(_ path: String, _ frames: Int, _ count: Int, _ expected: [String]) throws {
        #expect(try OutputFormat(path: path, frames: frames).paths(path, count: count) == expected)
    }

    @Test(arguments: ["a-%d.png", "a-%05d.png"]) func keepsTheFramesOfSeveralVideosApart(_ path: String) {
        let error = #expect(throws: RequestError.self) {
            try OutputFormat(path: path, frames: 5).paths(path, count: 2)
        }
        #expect(error?.description.contains("2 videos") == true)
    }
}
