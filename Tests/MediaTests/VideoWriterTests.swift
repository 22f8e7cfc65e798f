import Foundation
import Media
import Testing

@Suite struct VideoWriterTests {
    let folder: MediaFolder

    init() throws { folder = try MediaFolder() }

    struct Case: CustomTestStringConvertible, Sendable {
        let name, codec: String
        let rate: Double
        let exact: (Int, Int)
        var testDescription: String { "\(name) at \(rate)" }
    }

    static let cases = [
        Case(name: "a.mp4", codec: "h264", rate: 24, exact: (24, 1)),
        Case(name: "a.MP4", codec: "h264", rate: 23.976, exact: (24000, 1001)),
        Case(name: "a.mp4", codec: "h264", rate: 29.97, exact: (30000, 1001)),
        Case(name: "a.mp4", codec: "h264", rate: 12.5, exact: (25, 2)),
        Case(name: "a.mp4", codec: "h264", rate: 0.5, exact: (1, 2)),
        Case(name: "a.webm", codec: "vp9", rate: 16, exact: (16, 1)),
        Case(name: "a.webm", codec: "vp9", rate: 23.98, exact: (24000, 1001)),
        Case(name: "a.gif", codec: "gif", rate: 25, exact: (25, 1)),
        Case(name: "a.avi", codec: "mjpeg", rate: 59.94, exact: (60000, 1001)),
    ]

    @Test(arguments: cases) func writesWhatIsReadAgain(_ video: Case) throws {
        let path = "\(folder.path)/\(video.name)"
        try TestVideo.write(to: path, frames: 17, width: 96, height: 64, rate: video.rate)
        let reader = try VideoReader(path: path)
        #expect((reader.width, reader.height) == (96, 64))
        #expect(reader.codec == video.codec)
        #expect(try reader.rate == FrameRate(video.rate))
        #expect((reader.rate?.numerator ?? 0, reader.rate?.denominator ?? 0) == video.exact)
        #expect(abs((reader.duration ?? 0) - 17 / video.rate) < 0.0015)
        let frames = try TestVideo.read(path)
        #expect(frames.count == 17)
        for (number, frame) in frames.enumerated() {
            #expect(try frame.psnr(to: TestVideo.frame(number, width: 96, height: 64)) > 30)
        }
        #expect(folder.names == [video.name])
    }

    @Test func writesAnAnimatedWebP() throws {
        try TestVideo.write(to: "\(folder.path)/a.webp", frames: 17, width: 96, height: 64, rate: 24)
        let video = try AnimatedWebP("\(folder.path)/a.webp")
        #expect(video.loops == 0)
        #expect(video.frames.count == 17)
        #expect(abs(video.frames.reduce(0) { $0 + $1.milliseconds } - 17_000 / 24) <= 1)
        for (number, frame) in video.frames.enumerated() {
            #expect(try frame.image.psnr(to: TestVideo.frame(number, width: 96, height: 64)) > 30)
        }
        #expect(try Image(path: "\(folder.path)/a.webp") == video.frames[0].image)
    }

    @Test(arguments: ["frames/", "frames//", "shot-%d.png", "%03d.PNG"])
    func writesNumberedImages(_ name: String) throws {
        let texts = [PNGText(keyword: "prompt", text: "a cat")]
        try TestVideo.write(to: "\(folder.path)/\(name)", frames: 11, width: 9, height: 5, texts: texts)
        let pattern = ["s": ("", "shot-%d.png"), "%": ("", "%03d.PNG")][name.prefix(1)] ?? ("frames/", "%05d.png")
        for number in 0..<11 {
            let file = "\(folder.path)/\(pattern.0)\(String(format: pattern.1, number))"
            #expect(try Image(path: file) == TestVideo.frame(number, width: 9, height: 5))
            #expect(try PNGText.read(Image.bytes(at: file)) == texts)
        }
        #expect(folder.names.count == (pattern.0.isEmpty ? 11 : 1))
    }

    @Test func replacesTheFramesOfALongerVideo() throws {
        let texts = [PNGText(keyword: "Software", text: "VisualGen")]
        for count in [5, 3] {
            try TestVideo.write(to: "\(folder.path)/f/", frames: count, width: 4, height: 4, texts: texts)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/f").sorted()
        #expect(names == ["00000.png", "00001.png", "00002.png"])
    }

    @Test(arguments: ["mp4", "webm", "webp", "gif", "avi"], [(33, 17), (32, 17), (1, 1)])
    func takesOddSizes(_ ending: String, _ size: (Int, Int)) throws {
        let (path, (width, height)) = ("\(folder.path)/a.\(ending)", size)
        let writer = try VideoWriter(to: path, width: width, height: height, rate: FrameRate(10))
        let pad = ending == "mp4" ? 1 : 0
        #expect((writer.codedWidth, writer.codedHeight) == (width + width % 2 * pad, height + height % 2 * pad))
        for number in 0..<3 { try writer.append(TestVideo.frame(number, width: width, height: height)) }
        try writer.finish()
        let frames = try TestVideo.read(path)
        #expect(frames.count == 3)
        for (number, frame) in frames.enumerated() {
            #expect((frame.width, frame.height) == (writer.codedWidth, writer.codedHeight))
            let expected = try TestVideo.frame(number, width: width, height: height)
            #expect(try frame.cropped(width, height).psnr(to: expected) > 28)
        }
    }

    @Test(arguments: ["mp4", "webm", "webp", "gif", "avi"]) func writesOneFrame(_ ending: String) throws {
        let path = "\(folder.path)/a.\(ending)"
        try TestVideo.write(to: path, frames: 1, width: 64, height: 48, rate: 25)
        let frames = try TestVideo.read(path)
        #expect(frames.count == 1)
        #expect(try frames.first.map { try $0.psnr(to: TestVideo.frame(0, width: 64, height: 48)) } ?? 0 > 30)
        if ending == "mp4" { #expect(try VideoReader(path: path).duration == 0.04) }
    }

    /// Colours come back as they went, so matrix, range and tags agree; grey stays grey.
    @Test(arguments: ["mp4", "webm", "avi", "gif", "webp"]) func keepsColours(_ ending: String) throws {
        let path = "\(folder.path)/a.\(ending)"
        let colours: [[UInt8]] = [
            [255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [128, 128, 128], [255, 200, 40],
        ]
        let writer = try VideoWriter(to: path, width: 64, height: 64, rate: FrameRate(25))
        for colour in colours {
            let pixels = [[UInt8]](repeating: colour, count: 64 * 64).flatMap { $0 }
            try writer.append(Image(width: 64, height: 64, pixels: pixels))
        }
        try writer.finish()
        for (frame, colour) in zip(try TestVideo.read(path), colours) {
            let (red, green, blue) = frame[31, 33]
            for (found, expected) in zip([red, green, blue], colour) { #expect(abs(Int(found) - Int(expected)) <= 6) }
        }
    }

    @Test func putsTheIndexOfAnMP4First() throws {
        let path = "\(folder.path)/a: b.mp4"
        try TestVideo.write(to: path, frames: 5, width: 64, height: 48)
        let boxes = try TestVideo.boxes(path)
        let (index, data) = (boxes.firstIndex(of: "moov"), boxes.firstIndex(of: "mdat"))
        #expect(index ?? .max < data ?? .min)
        #expect(try VideoReader(path: path).pixelFormat == "yuv420p")
    }

    @Test func makesSmallerFilesOfAHigherCRF() throws {
        func size(_ encoding: VideoEncoding, _ name: String) throws -> Int {
            try TestVideo.write(to: "\(folder.path)/\(name)", frames: 9, width: 96, height: 64, as: encoding)
            return try Image.bytes(at: "\(folder.path)/\(name)").count
        }
        #expect(try size(.h264(crf: 40), "a") < size(.h264(), "b"))
        #expect(try size(.vp9(crf: 55), "c") < size(.vp9(), "d"))
        #expect(try size(.motionJPEG(quality: 30), "e") < size(.motionJPEG(), "f"))
        #expect(try size(.webp(quality: 30), "g") < size(.webp(), "h"))
    }

    @Test(arguments: ["mp4", "webm", "avi"]) func carriesAComment(_ ending: String) throws {
        let path = "\(folder.path)/a.\(ending)"
        let texts = [PNGText(keyword: "prompt", text: "屋根の上の猫"), PNGText(keyword: "seed", text: "7")]
        try TestVideo.write(to: path, frames: 2, width: 32, height: 32, texts: texts)
        #expect(try VideoReader(path: path).comment == "prompt: 屋根の上の猫\nseed: 7")
    }

    @Test func keepsFewColoursInAGIFExactly() throws {
        let path = "\(folder.path)/a.gif"
        var pixels: [UInt8] = []
        for place in 0..<48 * 48 { for step in [7, 5, 3] { pixels.append(UInt8(place % step * 30)) } }
        let image = try Image(width: 48, height: 48, pixels: pixels)
        let writer = try VideoWriter(to: path, width: 48, height: 48, rate: FrameRate(10))
        for _ in 0..<3 { try writer.append(image) }
        try writer.finish()
        #expect(try TestVideo.read(path) == [image, image, image])
    }

    @Test func makesTheSameFileOfTheSameFrames() throws {
        for name in ["a.mp4", "b.mp4"] {
            try TestVideo.write(to: "\(folder.path)/\(name)", frames: 9, width: 64, height: 64)
        }
        #expect(try Image.bytes(at: "\(folder.path)/a.mp4") == Image.bytes(at: "\(folder.path)/b.mp4"))
    }
}
