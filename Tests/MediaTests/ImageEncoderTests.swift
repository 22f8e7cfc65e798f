import Foundation
import Media
import Testing

@Suite struct ImageEncoderTests {
    @Test(arguments: [(1, 1), (1, 40), (40, 1), (37, 21), (256, 192)]) func keepsEveryPixelWhereItIsLossless(
        _ width: Int, _ height: Int
    ) throws {
        let image = try MediaGoldens.image(width: width, height: height)
        for encoding in [ImageEncoding.png(), .webpLossless(), .webpLossless(effort: 100)] {
            #expect(try Image(decoding: image.encoded(encoding)) == image)
        }
    }

    /// Parts that several threads pack are one stream, also where the last is a single row.
    @Test(arguments: [(640, 410), (640, 137), (16384, 11)]) func packsAPNGInParts(_ width: Int, _ height: Int) throws {
        var image = try MediaGoldens.image(width: width, height: height)
        for seed in 0..<2 {
            let bytes = try image.encoded(.png())
            #expect(try Image(decoding: bytes) == image)
            #expect(try image.encoded(.png()) == bytes)
            let parts = bytes.indices.dropLast(4).filter { bytes[$0..<$0 + 4].elementsEqual("IDAT".utf8) }
            #expect(parts.count > 1)
            // And what cannot be packed.
            var random = SmallRandom(state: UInt64(seed))
            image = try Image(
                width: width, height: height,
                pixels: image.pixels.map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    @Test(arguments: [(100, 0.7), (95, 1.2), (90, 1.5), (89, 3), (75, 4), (50, 6), (1, 60)])
    func losesLittleAsAJPEG(quality: Int, mean: Double) throws {
        let image = try MediaGoldens.image(width: 160, height: 96)
        let decoded = try Image(decoding: image.encoded(.jpeg(quality: quality)))
        #expect(decoded.difference(from: image).mean <= mean)
    }

    @Test func givesColourFullResolutionInAJPEGFromQuality90() throws {
        func sampling(_ quality: Int) throws -> [UInt8] {
            let bytes = try MediaGoldens.image(width: 16, height: 16).encoded(.jpeg(quality: quality))
            let header = try #require(bytes.indices.first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
            return [11, 14, 17].map { bytes[header + $0] }
        }
        #expect(try Set(sampling(90)).count == 1)
        #expect(try sampling(89) == [0x22, 0x11, 0x11])
    }

    @Test func makesSmallerFilesOfLowerQuality() throws {
        let image = try MediaGoldens.image(width: 160, height: 96)
        for encodings in [
            [5, 50, 89, 90, 95, 100].map { ImageEncoding.jpeg(quality: $0) }, [5, 50, 95].map { .webp(quality: $0) },
        ] {
            let sizes = try encodings.map { try image.encoded($0).count }
            #expect(sizes == sizes.sorted())
        }
    }

    @Test func losesLittleAsAWebP() throws {
        let image = try MediaGoldens.image(width: 160, height: 96)
        #expect(try Image(decoding: image.encoded(.webp(quality: 95))).difference(from: image).mean < 4)
    }

    @Test func keepsFlatColours() throws {
        for grey: UInt8 in [0, 1, 17, 128, 254, 255] {
            let image = try Image(width: 24, height: 24, pixels: [UInt8](repeating: grey, count: 3 * 24 * 24))
            #expect(try Image(decoding: image.encoded(.jpeg())).difference(from: image).largest <= 1)
            #expect(try Image(decoding: image.encoded(.webp())).difference(from: image).largest <= 2)
        }
    }

    @Test(arguments: [0, -1, 101, Int.max]) func refusesAnotherQuality(_ quality: Int) throws {
        let image = try MediaGoldens.image(width: 8, height: 8)
        #expect(throws: MediaError.quality(quality, format: .jpeg)) { try image.encoded(.jpeg(quality: quality)) }
        #expect(throws: MediaError.quality(quality, format: .webp)) { try image.encoded(.webp(quality: quality)) }
        #expect(throws: MediaError.quality(quality, format: .webp)) {
            try image.encoded(.webpLossless(effort: quality))
        }
    }

    @Test func saysWhenAnImageIsTooLargeForItsFormat() throws {
        let image = try Image(width: 70_000, height: 1, pixels: [UInt8](repeating: 0, count: 210_000))
        #expect(throws: MediaError.self) { try image.encoded(.webp()) }
        #expect(throws: MediaError.self) { try image.encoded(.jpeg()) }
        #expect(try image.encoded(.png()).count > 0)
    }

    @Test func encodesFromSeveralThreadsAtOnce() async throws {
        let image = try MediaGoldens.image(width: 64, height: 64)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<16 { group.addTask { try Image(decoding: image.encoded(.png())) == image } }
            for try await isSame in group { #expect(isSame) }
        }
    }
}
