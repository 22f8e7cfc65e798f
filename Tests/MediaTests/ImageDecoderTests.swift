import Foundation
import Media
import Testing

@Suite struct ImageDecoderTests {
    @Test(arguments: MediaGoldens.names) func readsWhatPILReads(_ name: String) throws {
        #expect(try Image(decoding: MediaGoldens.bytes(name)) == MediaGoldens.image(name))
    }

    @Test func hasTestFilesOfEachFormat() {
        for format in ImageFormat.allCases {
            #expect(MediaGoldens.names.count { (try? ImageFormat(path: $0)) == format } >= 7)
        }
    }

    @Test func readsFilesWhateverTheirName() throws {
        let folder = try MediaFolder()
        let path = try folder.write("image.jpg", MediaGoldens.bytes("rgb.png"))
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

    /// The same image or an error: never an image with a part missing. As with PIL, what a file lacks behind the last
    /// pixel does not matter: of a PNG the checksums and the end, of a GIF the byte that tells that no other frame comes.
    @Test(arguments: [
        ("rgb.png", 24), ("interlaced.png", 24), ("420.jpg", 0), ("progressive.jpg", 0), ("lossy.webp", 0),
        ("animated.webp", 0), ("still.gif", 1),
    ])
    func refusesATruncatedFile(_ name: String, _ spare: Int) throws {
        let bytes = try MediaGoldens.bytes(name)
        let whole = try Image(decoding: bytes)
        for length in 0..<bytes.count {
            let image = try? Image(decoding: Array(bytes.prefix(length)))
            let (isRefused, isWhole) = (image == nil, image == whole)
            #expect(isRefused || isWhole && length >= bytes.count - spare, "cut after \(length) bytes")
        }
    }

    /// A PNG's end may be missing or damaged, and so may what stands behind its pixels.
    @Test func passesOverDamageBehindAPNGsPixels() throws {
        let bytes = try MediaGoldens.bytes("rgb.png")
        let (whole, body) = (try Image(decoding: bytes), Array(bytes.dropLast(12)))
        let text = ImageBytes.chunk("tEXt", Array("k\0text".utf8))
        let end = ImageBytes.chunk("IEND")
        for rest in [[], Array(end.prefix(5)), Array(end.prefix(9)), end.dropLast() + [0], text.dropLast() + [0] + end]
        {
            #expect(try Image(decoding: body + rest) == whole)
        }
        var changed = bytes
        changed[body.count - 1] ^= 1
        #expect(try Image(decoding: changed) == whole)
    }

    @Test func ignoresWhatFollowsTheImage() throws {
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
