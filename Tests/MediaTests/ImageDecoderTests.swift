import Foundation
import Media
import Testing

@Suite struct ImageDecoderTests {
    @Test(arguments: MediaGoldens.names) func readsWhatPILReads(_ name: String) throws {
        let difference = try Image(decoding: MediaGoldens.bytes(name)).difference(from: MediaGoldens.image(name))
        #expect(difference.largest <= Self.tolerance(name))
    }

    /// Inverse cosine transforms may round differently. With luma, chroma and black FFmpeg takes in the black before
    /// the conversion to RGB, libjpeg after it.
    static func tolerance(_ name: String) -> Int { name == "ycck.jpg" ? 8 : name.hasSuffix(".jpg") ? 2 : 0 }

    @Test func hasTestFilesOfEachFormat() {
        for format in ImageFormat.allCases {
            #expect(MediaGoldens.names.count { (try? ImageFormat(path: $0)) == format } >= 7)
        }
    }

    @Test func readsFilesWhateverTheirName() throws {
        let folder = try MediaFolder()
        let path = try folder.write("picture.jpg", MediaGoldens.bytes("rgb.png"))
        #expect(try Image(path: path) == MediaGoldens.image("rgb.png"))
    }

    @Test func namesAFileThatCannotBeRead() throws {
        #expect(throws: MediaError.cannotRead(path: "/nowhere/a.png", reason: "No such file or directory")) {
            try Image(path: "/nowhere/a.png")
        }
        #expect(throws: MediaError.cannotRead(path: "/", reason: "Not a regular file")) { try Image(path: "/") }
        #expect(throws: MediaError.cannotRead(path: "/dev/zero", reason: "Not a regular file")) {
            try Image(path: "/dev/zero")
        }
    }

    @Test(arguments: ["", "GIF88a", "BM", "RIFF\0\0\0\0WAVE", "%PDF-1.4", "\u{89}PNG"])
    func refusesOtherData(_ text: String) {
        #expect(throws: MediaError.notAnImage) { try Image(decoding: Array(text.utf8)) }
    }

    /// The same picture or an error: never a picture with a part missing. A GIF's last byte tells no more than that
    /// no other frame comes.
    @Test(arguments: [
        "rgb.png", "interlaced.png", "420.jpg", "progressive.jpg", "lossy.webp", "animated.webp", "still.gif",
    ])
    func refusesATruncatedFile(_ name: String) throws {
        let bytes = try MediaGoldens.bytes(name)
        for length in 0..<bytes.count - (name.hasSuffix(".gif") ? 1 : 0) {
            #expect(throws: MediaError.self, "cut after \(length) bytes") {
                try Image(decoding: Array(bytes.prefix(length)))
            }
        }
    }

    @Test func ignoresWhatFollowsThePicture() throws {
        for name in ["rgb.png", "420.jpg", "lossy.webp", "still.gif"] {
            let bytes = try MediaGoldens.bytes(name)
            #expect(try Image(decoding: bytes + Array("trailing".utf8)) == Image(decoding: bytes))
        }
    }
}

/// A folder that is gone at the end of the test.
final class MediaFolder {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appending(path: "media-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }

    @discardableResult func write(_ name: String, _ bytes: [UInt8]) throws -> String {
        try Data(bytes).write(to: URL(filePath: "\(path)/\(name)"))
        return "\(path)/\(name)"
    }
}
