import Foundation
import Media
import TestKit
import Testing

extension CommandLineRefusalTests {
    /// Images that cannot be used: one sentence that names the file, status 65, before anything is loaded.
    @Suite struct InputImageTests {
        private let visualgen: VisualGen
        private var folder: TemporaryFolder { visualgen.folder }

        init() throws {
            visualgen = try VisualGen()
            try Image(width: 16, height: 16, pixels: .init(repeating: 90, count: 768)).write(to: folder.file("a.png"))
            try folder.write("no image", to: "text.png")
            try folder.write("", to: "empty.png")
            let png = try [UInt8](Data(contentsOf: URL(fileURLWithPath: folder.file("a.png"))))
            try Data(png.prefix(png.count - 30)).write(to: URL(fileURLWithPath: folder.file("cut.png")))
            var changed = png
            changed[png.count / 2] ^= 0x55
            try Data(changed).write(to: URL(fileURLWithPath: folder.file("changed.png")))
            try Data(Self.png(width: 60_000, height: 60_000)).write(to: URL(fileURLWithPath: folder.file("huge.png")))
            try FileManager.default.createDirectory(
                atPath: folder.file("folder.png"), withIntermediateDirectories: false)
        }

        /// A PNG of a size that is only said, with the check sums it must have.
        private static func png(width: Int, height: Int) -> [UInt8] {
            func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
            func chunk(_ kind: String, _ data: [UInt8]) -> [UInt8] {
                let body = Array(kind.utf8) + data
                var sum: UInt32 = .max
                for byte in body {
                    sum ^= UInt32(byte)
                    for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0xEDB8_8320 : sum >> 1 }
                }
                return number(data.count) + body + number(Int(~sum))
            }
            let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
            return signature + chunk("IHDR", number(width) + number(height) + [8, 2, 0, 0, 0])
                + chunk("IDAT", [0x78, 0x9C, 3, 0, 0, 0, 0, 1]) + chunk("IEND", [])
        }

        @Test(arguments: [
            ("none.png", "No such file"), ("text.png", "neither PNG nor JPEG"), ("empty.png", "neither PNG nor JPEG"),
            ("cut.png", "damaged"), ("changed.png", "damaged"), ("huge.png", "60000×60000"),
            ("folder.png", "Not a regular file"), ("/dev/zero", "Not a regular file"),
        ])
        func refusesAFile(_ file: String, _ reason: String) async throws {
            for option in ["--image", "--last-image"] {
                let outcome = try await visualgen.run(
                    VisualGen.generation() + ["\(option)=\(file)", "--output", "b.png"])
                expectRefusal(outcome, 65, names: [file, reason])
                #expect(!outcome.errors.contains("loading"))
            }
            #expect(!folder.names.contains("b.png"))
        }

        @Test(arguments: [("--image", "image"), ("--last-image", "last_image")])
        func needsAName(_ option: String, _ field: String) async throws {
            let outcome = try await visualgen.run(VisualGen.generation() + ["\(option)="])
            expectRefusal(outcome, 64, names: ["\(field) is empty"])
        }

        @Test(arguments: [("--image", "image"), ("--last-image", "last_image")])
        func aModelOfWordsAloneRefusesImages(_ option: String, _ field: String) async throws {
            let outcome = try await visualgen.run(VisualGen.generation() + [option, "a.png", "--output", "b.png"])
            expectRefusal(outcome, 64, names: ["FLUX.1 has no parameter \(field)"])
        }
    }
}
