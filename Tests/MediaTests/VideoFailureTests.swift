import Foundation
import Media
import Testing

@Suite struct VideoFailureTests {
    let folder: MediaFolder
    static let names = ["a.mp4", "a.webm", "a.webp", "a.gif", "a.avi", "a/", "a%d.png"]

    init() throws { folder = try MediaFolder() }

    @Test(arguments: [0.0, -1.0, Double.nan, Double.infinity, 1e9, 0.05, 1001.0]) func refusesARate(_ rate: Double) {
        let error = #expect(throws: MediaError.self) { try FrameRate(rate) }
        #expect(error?.description == "a video has 0.1 to 1000.0 frames a second, not \(rate)")
    }

    static let rates: [(Double, Int, Int)] = [
        (24, 24, 1), (23.976, 24000, 1001), (23.98, 24000, 1001), (24000 / 1001, 24000, 1001), (29.97, 30000, 1001),
        (59.94, 60000, 1001), (119.88, 120000, 1001), (12.5, 25, 2), (7.35, 147, 20), (0.1, 1, 10), (16, 16, 1),
        (1000, 1000, 1),
    ]

    @Test(arguments: rates) func readsARate(_ rate: Double, _ numerator: Int, _ denominator: Int) throws {
        let exact = try FrameRate(rate)
        #expect((exact.numerator, exact.denominator) == (numerator, denominator))
    }

    @Test(arguments: [
        ("a.mp4", VideoFormat.mp4), ("a.b.WebM", .webm), ("x/a.webp", .webp), ("a.GIF", .gif), ("a.avi", .avi),
        ("frames/", .images), ("a-%d.png", .images), ("d/%05d.png", .images), ("a-%d.mp4", .mp4),
    ])
    func readsAFormatFromAName(_ path: String, _ format: VideoFormat) throws {
        #expect(try VideoFormat(path: path) == format)
    }

    @Test(arguments: ["a.mkv", "a.png", "a", "mp4", "%d/a.png", "a.mp4/b", ""])
    func namesTheKnownFormats(_ path: String) {
        let known = [".mp4", ".webm", ".webp", ".gif", ".avi"]
        #expect(throws: MediaError.unknownVideoExtension(path: path, known: known)) { try VideoFormat(path: path) }
    }

    @Test func saysHowToDoWithoutAnEncoder() {
        #expect(VideoFormat.best == (VideoFormat.mp4.isAvailable ? .mp4 : .avi))
        #expect(
            MediaError.missingVideoEncoder(.mp4).description
                == "this machine's FFmpeg has no encoder libx264, so no MP4 can be written; a name that ends in .avi "
                + "works without it")
    }

    @Test(arguments: [
        VideoEncoding.h264(crf: 52), .h264(crf: -1), .vp9(crf: 64), .webp(quality: 0), .motionJPEG(quality: 101),
    ])
    func refusesASetting(_ encoding: VideoEncoding) {
        #expect(throws: MediaError.self) {
            try VideoWriter(to: "\(folder.path)/a", width: 8, height: 8, rate: FrameRate(9), as: encoding)
        }
        #expect(folder.names.isEmpty)
    }

    @Test func refusesAGIFThatIsTooFast() {
        #expect(throws: MediaError.gifRate(60)) { try begin("a.gif", rate: 60) }
        #expect(folder.names.isEmpty)
    }

    @Test(arguments: [(0, 8), (8, -1), (60_000, 60_000)]) func refusesASize(_ width: Int, _ height: Int) {
        #expect(throws: MediaError.self) {
            try VideoWriter(to: "\(folder.path)/a.mp4", width: width, height: height, rate: FrameRate(9))
        }
        #expect(folder.names.isEmpty)
    }

    /// A frame of another size is refused; the video goes on without it.
    @Test func refusesAFrameOfAnotherSize() throws {
        let writer = try begin("a.mp4")
        try writer.append(TestVideo.frame(0, width: 32, height: 16))
        #expect(throws: MediaError.frameSize(width: 16, height: 32, expected: 32, 16)) {
            try writer.append(TestVideo.frame(0, width: 16, height: 32))
        }
        try writer.finish()
        #expect(try TestVideo.read("\(folder.path)/a.mp4").count == 1)
        #expect(throws: MediaError.videoIsClosed) { try writer.append(TestVideo.frame(0, width: 32, height: 16)) }
        #expect(throws: MediaError.videoIsClosed) { try writer.finish() }
    }

    @Test(arguments: names) func leavesNothingOfAVideoThatIsGivenUp(_ name: String) throws {
        let writer = try begin(name)
        for number in 0..<3 { try writer.append(TestVideo.frame(number, width: 32, height: 16)) }
        #expect(!folder.names.isEmpty)
        writer.cancel()
        #expect(folder.names.isEmpty)
        #expect(throws: MediaError.videoIsClosed) { try writer.finish() }
        do {
            let forgotten = try begin(name)
            try forgotten.append(TestVideo.frame(0, width: 32, height: 16))
        }
        #expect(folder.names.isEmpty)
    }

    @Test(arguments: names) func refusesAVideoWithoutFrames(_ name: String) throws {
        let writer = try begin(name)
        #expect(throws: MediaError.noFrames) { try writer.finish() }
        #expect(folder.names.isEmpty)
    }

    @Test(arguments: names) func namesAFolderThatIsNotThere(_ name: String) {
        let path = "\(folder.path)/nowhere/\(name)"
        #expect(throws: MediaError.cannotWrite(path: path, reason: "No such file or directory")) {
            try VideoWriter(to: path, width: 32, height: 16, rate: FrameRate(9))
        }
    }

    /// A limit on the size of files stands in for a full disk; it holds for the whole process, hence one of its own.
    @Test func leavesTheOldFileAndNothingElseWhenTheDiskIsFull() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 4000, rlim_max: 4000)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            for name in ["a.mp4", "a.webm", "a.webp", "a.gif", "a.avi"] {
                let folder = try MediaFolder()
                let path = try folder.write(name, [1, 2, 3])
                #expect(throws: MediaError.cannotWrite(path: path, reason: "File too large")) {
                    try TestVideo.write(to: path, frames: 60, width: 96, height: 96)
                }
                #expect(folder.names == [name])
                #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
            }
            let folder = try MediaFolder()
            let path = "\(folder.path)/frames/"
            #expect(throws: MediaError.cannotWrite(path: path, reason: "File too large")) {
                try TestVideo.write(to: path, frames: 3, width: 96, height: 96)
            }
            #expect(folder.names.isEmpty)
        }
    }

    /// 450 frames more would take 83 MB if they were kept.
    @Test func takesNoMoreMemoryForMoreFrames() async {
        await #expect(processExitsWith: .success) {
            let folder = try MediaFolder()
            func peak() -> Int {
                var usage = rusage()
                getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
                return usage.ru_maxrss
            }
            let frames = try (0..<10).map { try TestVideo.frame($0, width: 320, height: 192) }
            func write(_ count: Int) throws {
                for name in ["a.mp4", "a.avi", "a.webp"] {
                    let writer = try VideoWriter(
                        to: "\(folder.path)/\(name)", width: 320, height: 192, rate: FrameRate(24))
                    for number in 0..<count { try writer.append(frames[number % 10]) }
                    try writer.finish()
                }
            }
            try write(60)
            let before = peak()
            try write(500)
            #expect(peak() - before < 12_000, "\(peak() - before) KiB more")
        }
    }

    @Test(arguments: ["nothing", "a text", "\0\0\0\u{18}ftypmp42"]) func refusesToReadOtherData(_ text: String) throws {
        let path = try folder.write("a.mp4", Array(text.utf8))
        #expect(throws: MediaError.self) { try VideoReader(path: path) }
        #expect(throws: MediaError.cannotDecodeVideo(path: "/nowhere", reason: "No such file or directory")) {
            try VideoReader(path: "/nowhere")
        }
    }

    @discardableResult private func begin(_ name: String, rate: Double = 24) throws -> VideoWriter {
        try VideoWriter(to: "\(folder.path)/\(name)", width: 32, height: 16, rate: FrameRate(rate))
    }
}
