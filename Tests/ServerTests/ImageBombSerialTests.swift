import Foundation
import Glibc
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// Small files that would become large: refused before they do, by the time of the processor and by memory.
@Suite(.serialized) struct ImageBombSerialTests {
    struct Bomb: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        /// What the image itself may take, in kB: it is decoded, copied and made smaller.
        var room = 16 << 10
    }

    static let bombs = [
        Bomb(testDescription: "50,000 pixels a side", bytes: png(width: 50_000, height: 50_000, [])),
        Bomb(testDescription: "16,384 pixels a side", bytes: png(width: 16_384, height: 16_384, [])),
        Bomb(
            testDescription: "10,000 texts",
            bytes: png(width: 2, height: 1, (0..<10_000).map { chunk("tEXt", Array("k\($0)\0v".utf8)) })),
        Bomb(
            testDescription: "a text that unpacks to 64 MB",
            bytes: png(width: 2, height: 1, [chunk("zTXt", Array("k\0\0".utf8) + packedZeros(64 << 20))])),
        Bomb(
            testDescription: "a profile that unpacks to 64 MB",
            bytes: png(width: 2, height: 1, [chunk("iCCP", Array("k\0\0".utf8) + packedZeros(64 << 20))])),
        Bomb(
            testDescription: "pixels that unpack to 64 MB", bytes: png(width: 2, height: 1, [], packedZeros(64 << 20))),
        Bomb(testDescription: "a JPEG of 16,384 pixels a side", bytes: jpeg(side: 16_384)),
        Bomb(testDescription: "a JPEG of 9,000 pixels a side", bytes: jpeg(side: 9000)),
        Bomb(testDescription: "a PNG of 9,000 pixels a side", bytes: png(width: 9000, height: 9000, [])),
        Bomb(testDescription: "a GIF of one pixel on a page of 65,535 a side", bytes: gif(side: 65_535)),
        Bomb(
            testDescription: "a GIF of one pixel on a page of 2,000 a side", bytes: gif(side: 2000),
            room: 3 * (3 * 2000 * 2000 / 1024)),
        Bomb(testDescription: "a WebP of 16,384 pixels a side", bytes: webp(side: 16_384)),
        Bomb(
            testDescription: "a WebP of 1,000 pixels a side in 28 bytes", bytes: webp(side: 1000),
            room: 4 * (3 * 1000 * 1000 / 1024)),
    ]

    @Test(arguments: bombs) func costsNeitherTimeNorMemory(_ bomb: Bomb) async throws {
        let server = try await TestServer({ $0.takesImages = true })
        try await server.run { client in
            let form = [(name: "prompt", value: Array("a".utf8)), ("@image", bomb.bytes)]
            // What the first request sets up once is not the bomb's.
            _ = try await client.post("/v1/images/edits", form: form)
            try Self.forgetPeak()
            let (before, start) = (try Self.memory("VmRSS"), clock())
            let answer = try await client.post("/v1/images/edits", form: form)
            let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
            let grown = try Self.memory("VmHWM") - before
            print("\(bomb.testDescription): \(answer.status), \(Int(seconds * 1000)) ms, \(grown) kB")
            #expect([200, 400].contains(answer.status), "\(answer.text)")
            #expect(seconds < 0.2)
            #expect(grown < bomb.room)
        }
    }

    /// A line of what the system tells of this process, in kB.
    private static func memory(_ name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("\(name):") })
        return try #require(line.split(separator: " ").compactMap { Int($0) }.first)
    }

    /// Lets the greatest use of memory count from now on.
    private static func forgetPeak() throws {
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    }

    private static func jpeg(side: Int) -> [UInt8] {
        let size = [UInt8(side >> 8), UInt8(side & 0xFF)]
        let header: [UInt8] = [0xFF, 0xC0, 0, 17, 8] + size + size + [3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0]
        let scan: [UInt8] = [0xFF, 0xDA, 0, 12, 3, 1, 0, 2, 0x11, 3, 0x11, 0, 63, 0]
        return [0xFF, 0xD8] + header + scan + [0, 0xFF, 0xD9]
    }

    private static func gif(side: Int) -> [UInt8] {
        let size = [UInt8(side & 0xFF), UInt8(side >> 8)]
        let frame: [UInt8] = [0x2C, 0, 0, 0, 0, 1, 0, 1, 0, 0] + [2, 2, 0x44, 0x01, 0]
        return Array("GIF89a".utf8) + size + size + [0x80, 0, 0, 10, 20, 30, 40, 50, 60] + frame + [0x3B]
    }

    /// Pixels of one colour take no bits at all.
    private static func webp(side: Int) -> [UInt8] {
        var (bits, filled) = (0, 0)
        // The size; nothing transformed, cached or divided; five codes of one symbol each.
        let fields = [(side - 1, 14), (side - 1, 14), (0, 4), (0, 3)] + Array(repeating: (1, 4), count: 5)
        for (value, width) in fields {
            bits |= value << filled
            filled += width
        }
        let image: [UInt8] = [0x2F] + (0..<7).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
        return Array("RIFF".utf8) + [20, 0, 0, 0] + Array("WEBPVP8L".utf8) + [8, 0, 0, 0] + image
    }

    private static func png(
        width: Int, height: Int, _ more: [[UInt8]], _ pixels: [UInt8]? = nil
    ) -> [UInt8] {
        let header = big(width) + big(height) + [8, 2, 0, 0, 0]
        let small: [UInt8] = [0x78, 0x01, 0x01, 7, 0, 248, 255] + [0, 1, 2, 3, 4, 5, 6] + big(0x003F_0016)
        return [137, 80, 78, 71, 13, 10, 26, 10] + chunk("IHDR", header) + more.flatMap { $0 }
            + chunk("IDAT", pixels ?? small) + chunk("IEND", [])
    }

    private static func big(_ number: Int) -> [UInt8] {
        stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func chunk(_ name: String, _ content: [UInt8]) -> [UInt8] {
        let all = Array(name.utf8) + content
        return big(content.count) + all + big(Int(checksum(all)))
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        ~bytes.reduce(~0) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { state, _ in state & 1 == 1 ? state >> 1 ^ 0xEDB8_8320 : state >> 1 }
        }
    }

    /// Zeros as zlib packs them best: a block of one literal and as many repetitions of 258 bytes as fill them.
    private static func packedZeros(_ count: Int) -> [UInt8] {
        var bits: [UInt8] = [1, 1, 0]
        bits += [0, 0, 1, 1, 0, 0, 0, 0]
        let pairs = count / 258
        for _ in 0..<pairs { bits += [1, 1, 0, 0, 0, 1, 0, 1] + [0, 0, 0, 0, 0] }
        bits += [0, 0, 0, 0, 0, 0, 0]
        while bits.count % 8 != 0 { bits.append(0) }
        let packed = stride(from: 0, to: bits.count, by: 8).map { start in
            (0..<8).reduce(UInt8(0)) { $0 | bits[start + $1] << UInt8($1) }
        }
        return [0x78, 0x01] + packed + big((pairs * 258 + 1) % 65_521 << 16 | 1)
    }
}
