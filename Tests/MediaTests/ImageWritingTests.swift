import Foundation
import Media
import Testing

@Suite struct ImageWritingTests {
    let folder: MediaFolder
    let image: Image

    init() throws {
        folder = try MediaFolder()
        image = try MediaGoldens.image(width: 20, height: 10)
    }

    @Test(arguments: [("a.png", ImageFormat.png), ("a.JPG", .jpeg), ("a.jpeg", .jpeg), ("a.webp", .webp)])
    func writesWhatTheNameSays(name: String, format: ImageFormat) throws {
        try image.write(to: "\(folder.path)/\(name)")
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(folder.path)/\(name)")))
        #expect(DecodableFormat(signature: bytes)?.rawValue == format.rawValue)
        #expect(folder.names == [name])
    }

    @Test func replacesAnOlderFile() throws {
        let path = try folder.write("a.png", [1, 2, 3])
        try image.write(to: path)
        #expect(try Image(path: path) == image)
        #expect(folder.names == ["a.png"])
    }

    @Test func writesAnEncodingUnderAnyName() throws {
        try image.write(to: "\(folder.path)/a", as: .png(text: [PNGText(keyword: "prompt", text: "猫")]))
        #expect(try Image(path: "\(folder.path)/a") == image)
    }

    @Test func namesAPlaceThatCannotBeWritten() throws {
        let lost = "\(folder.path)/nowhere/a.png"
        #expect(throws: MediaError.cannotWrite(path: lost, reason: "No such file or directory")) {
            try image.write(to: lost)
        }
        #expect(throws: MediaError.cannotWrite(path: folder.path, reason: "Not a regular file")) {
            try image.write(to: folder.path, as: .png())
        }
        #expect(throws: MediaError.cannotWrite(path: "/dev/null", reason: "Not a regular file")) {
            try image.write(to: "/dev/null", as: .png())
        }
        #expect(throws: MediaError.unknownExtension(path: "a.tiff", known: [".png", ".jpg", ".jpeg", ".webp"])) {
            try image.write(to: "a.tiff")
        }
    }

    /// A limit on the size of files stands in for a full disk; it holds for the whole process, hence one of its own.
    @Test func leavesTheOldFileAndNothingElseWhenTheDiskIsFull() async {
        await #expect(processExitsWith: .success) {
            let folder = try MediaFolder()
            let path = try folder.write("a.png", [1, 2, 3])
            signal(SIGXFSZ, SIG_IGN)
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            try #require(setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0)
            let image = try MediaGoldens.image(width: 200, height: 200)
            #expect(throws: MediaError.cannotWrite(path: path, reason: "File too large")) { try image.write(to: path) }
            #expect(folder.names == ["a.png"])
            #expect(try Data(contentsOf: URL(filePath: path)) == Data([1, 2, 3]))
        }
    }

    @Test func printsNothing() async {
        await #expect(processExitsWith: .success) {
            let folder = try MediaFolder()
            let path = "\(folder.path)/stderr"
            try #require(dup2(open(path, O_WRONLY | O_CREAT, 0o600), STDERR_FILENO) == STDERR_FILENO)
            for name in MediaGoldens.names {
                var bytes = try MediaGoldens.bytes(name)
                _ = try? Image(decoding: bytes)
                for place in stride(from: bytes.count / 2, to: bytes.count - 20, by: 7) { bytes[place] ^= 0x55 }
                _ = try? Image(decoding: bytes)
            }
            let image = try MediaGoldens.image(width: 50, height: 50)
            for encoding in [ImageEncoding.png(), .jpeg(), .jpeg(quality: 5), .webp(), .webpLossless()] {
                _ = try image.encoded(encoding)
            }
            _ = try? Image(width: 70_000, height: 1, pixels: [UInt8](repeating: 0, count: 210_000)).encoded(.webp())
            let attributes = try FileManager.default.attributesOfItem(atPath: path)
            #expect(attributes[.size] as? Int == 0)
        }
    }
}
