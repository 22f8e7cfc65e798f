import Foundation
import Media
import Testing

/// The files that Tools/reference/media_random.py drew, sound and damaged: each gives what PIL makes of it.
@Suite struct RandomImageTests {
    struct Drawn: CustomTestStringConvertible, Sendable {
        let folder: URL
        let testDescription: String
        /// Width, height and checksum of the pixels; nil of a file that PIL refuses.
        let expected: [String]?

        var bytes: [UInt8] {
            get throws { [UInt8](try Data(contentsOf: folder.appending(path: testDescription))) }
        }
    }

    static let goldens = drawn(in: Bundle.module.bundleURL.appending(path: "Resources/random"))
    /// Any other folder that the script wrote, for a run by hand.
    static let others = ProcessInfo.processInfo.environment["VISUALGEN_TEST_IMAGES"].map {
        drawn(in: URL(filePath: $0, directoryHint: .isDirectory))
    }

    private static func drawn(in folder: URL) -> [Drawn] {
        let lines = try? String(contentsOf: folder.appending(path: "expected.txt"), encoding: .utf8)
        return (lines ?? "").split(separator: "\n").map { line in
            let fields = line.split(separator: " ").map(String.init)
            let expected = fields.count == 4 ? Array(fields[1...]) : nil
            return Drawn(folder: folder, testDescription: fields[0], expected: expected)
        }
    }

    @Test func areThere() { #expect(Self.goldens.count >= 150) }

    @Test(arguments: goldens + (others ?? [])) func givesWhatPILMakesOfIt(_ file: Drawn) throws {
        let bytes = try file.bytes
        guard let expected = file.expected else {
            #expect(throws: MediaError.self) { try Image(decoding: bytes) }
            return
        }
        let image = try Image(decoding: bytes)
        let sum = String(ImageBytes.checksum(image.pixels), radix: 16)
        let padded = String(repeating: "0", count: 8 - sum.count) + sum
        #expect(["\(image.width)", "\(image.height)", padded] == expected)
    }
}
