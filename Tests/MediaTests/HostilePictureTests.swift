import Media
import Testing

/// Files made to break a decoder, each with the error that must come of it.
@Suite struct HostilePictureTests {
    struct Hostile: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let bytes: [UInt8]
        let error: MediaError

        init(_ what: String, _ bytes: [UInt8], _ error: MediaError) {
            (testDescription, self.bytes, self.error) = (what, bytes, error)
        }
    }

    @Test(arguments: png + jpeg + webp + gif) func refuses(_ file: Hostile) {
        #expect(throws: file.error) { try Image(decoding: file.bytes) }
    }

    private typealias Make = PictureBytes
    private static let pixels = Make.chunk("IDAT", Make.stored([0, 1, 2, 3, 0, 4, 5, 6]))
    private static let end = Make.chunk("IEND")

    private static func tooLarge(_ width: Int, _ height: Int) -> MediaError {
        .imageTooLarge(width: width, height: height, sideLimit: 16_384, pixelLimit: 100_000_000)
    }

    @Test func takesTheirSoundModel() throws {
        let file = Make.png(Make.header(1, 2), Self.pixels, Self.end)
        #expect(try Image(decoding: file) == Image(width: 1, height: 2, pixels: [1, 2, 3, 4, 5, 6]))
    }

    static let png: [Hostile] = [
        Hostile(
            "a PNG of 2^31 - 1 pixels a side", Make.png(Make.header(0x7FFF_FFFF, 0x7FFF_FFFF), pixels, end),
            tooLarge(0x7FFF_FFFF, 0x7FFF_FFFF)),
        Hostile(
            "a PNG of 2^32 - 1 pixels a side", Make.png(Make.header(0xFFFF_FFFF, 0xFFFF_FFFF), pixels, end),
            tooLarge(0xFFFF_FFFF, 0xFFFF_FFFF)),
        Hostile("a PNG a pixel too wide", Make.png(Make.header(16_385, 1), pixels, end), tooLarge(16_385, 1)),
        Hostile(
            "a PNG of too many pixels", Make.png(Make.header(16_384, 16_384), pixels, end),
            tooLarge(16_384, 16_384)),
        Hostile("a PNG without width", Make.png(Make.header(0, 2), pixels, end), .emptyImage(width: 0, height: 2)),
        Hostile("a PNG of nothing", Make.png(), .damaged(.png, "it ends before its last chunk")),
        Hostile("a PNG without its header", Make.png(pixels, end), .damaged(.png, "it does not begin with its header")),
        Hostile(
            "a PNG with a short header", Make.png(Make.chunk("IHDR", [0, 0, 0, 1]), pixels, end),
            .damaged(.png, "it does not begin with its header")),
        Hostile(
            "a PNG with two headers", Make.png(Make.header(1, 2), Make.header(1, 2), pixels, end),
            .damaged(.png, "it has two headers")),
        Hostile(
            "a PNG without pixels", Make.png(Make.header(1, 2), end), .damaged(.png, "a part of its pixels is missing")),
        Hostile(
            "a PNG with a row too few", Make.png(Make.header(1, 3), pixels, end),
            .damaged(.png, "a part of its pixels is missing")),
        Hostile(
            "a PNG whose pixels end early",
            Make.png(
                Make.header(1, 2), Make.chunk("IDAT", Array(Make.stored([0, 1, 2, 3, 0, 4, 5, 6]).prefix(14))), end),
            .damaged(.png, "a part of its pixels is missing")),
        Hostile(
            "a PNG whose pixels are not packed", Make.png(Make.header(1, 2), Make.chunk("IDAT", [1, 2, 3]), end),
            .damaged(.png, "a part of its pixels is missing")),
        Hostile(
            "a PNG of 3 bits", Make.png(Make.header(1, 2, bits: 3, colour: 0), pixels, end),
            .damaged(.png, "it has a colour type that does not exist")),
        Hostile(
            "a PNG of colour 5", Make.png(Make.header(1, 2, colour: 5), pixels, end),
            .damaged(.png, "it has a colour type that does not exist")),
        Hostile(
            "a PNG without an end", Make.png(Make.header(1, 2), pixels),
            .damaged(.png, "it ends before its last chunk")),
        Hostile(
            "a PNG with a chunk of 4 GB", Make.png(Make.header(1, 2), [255, 255, 255, 255] + Array("IDATxxxx".utf8)),
            .damaged(.png, "its chunk IDAT claims 4294967295 bytes, more than there are")),
        Hostile(
            "a PNG with a wrong checksum", Make.png(Make.header(1, 2), Array(pixels.dropLast()) + [1], end),
            .damaged(.png, "the checksum of its chunk IDAT is wrong")),
        Hostile(
            "a PNG with rubbish for a chunk", Make.png(Make.header(1, 2), [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            .damaged(.png, "something else stands where a chunk must begin, at byte 33")),
        Hostile(
            "a PNG with an unknown critical chunk", Make.png(Make.header(1, 2), Make.chunk("XXXX"), pixels, end),
            .unsupported(.png, "it needs the chunk XXXX, which is unknown")),
    ]

    private static let frame = Make.segment(0xC0, [8, 0, 8, 0, 8, 1, 1, 0x11, 0])

    static let jpeg: [Hostile] = [
        Hostile("a JPEG of nothing", [0xFF, 0xD8, 0xFF], .damaged(.jpeg, "it ends early")),
        Hostile("a JPEG without a picture", [0xFF, 0xD8, 0xFF, 0xD9], .damaged(.jpeg, "it has no picture")),
        Hostile(
            "a JPEG with a short segment", [0xFF, 0xD8, 0xFF, 0xE0, 0, 1], .damaged(.jpeg, "it ends inside a segment")),
        Hostile(
            "a JPEG with a long segment", [0xFF, 0xD8, 0xFF, 0xE0, 255, 255, 1],
            .damaged(.jpeg, "it ends inside a segment")),
        Hostile(
            "a JPEG of 65,535 pixels a side",
            [0xFF, 0xD8] + Make.segment(0xC0, [8, 255, 255, 255, 255, 1, 1, 0x11, 0])
                + Make.segment(0xDA, [1, 1, 0, 0, 63, 0]) + [0xFF, 0xD9], tooLarge(65_535, 65_535)),
        Hostile(
            "a JPEG with 12 bits", [0xFF, 0xD8] + Make.segment(0xC1, [12, 0, 8, 0, 8, 1, 1, 0x11, 0]),
            .unsupported(.jpeg, "it has not 8 bits for each colour")),
        Hostile("a JPEG with two headers", [0xFF, 0xD8] + frame + frame, .damaged(.jpeg, "it has two headers")),
        Hostile(
            "a lossless JPEG", [0xFF, 0xD8] + Make.segment(0xC3, [8, 0, 8, 0, 8, 1, 1, 0x11, 0]),
            .unsupported(.jpeg, "it is neither baseline nor progressive")),
        Hostile(
            "a JPEG whose pixels come first", [0xFF, 0xD8] + Make.segment(0xDA, [1, 1, 0, 0, 63, 0]),
            .damaged(.jpeg, "its pixels come before its header")),
        Hostile(
            "a JPEG of a thousand scans",
            [0xFF, 0xD8] + frame
                + [[UInt8]](repeating: Make.segment(0xDA, [1, 1, 0, 0, 63, 0]) + [0], count: 1000).flatMap { $0 } + [
                    0xFF, 0xD9,
                ],
            .unsupported(.jpeg, "it has more than 100 scans")),
        Hostile(
            "a JPEG of four colours that says nothing of them",
            [0xFF, 0xD8] + Make.segment(0xC0, [8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0])
                + Make.segment(0xDA, [4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]) + [0, 0xFF, 0xD9],
            .unsupported(.jpeg, "it has four colours and does not say which")),
        Hostile(
            "a JPEG with rubbish between segments", [0xFF, 0xD8] + frame + [1, 2, 3],
            .damaged(.jpeg, "no segment begins at byte 15")),
    ]

    private static let still = Make.riffChunk("VP8L", [0x2F, 0, 0, 0, 0, 0])

    static let webp: [Hostile] = [
        Hostile("a WebP of nothing", Make.riff([]), .damaged(.webp, "it has no picture")),
        Hostile(
            "a WebP that claims 4 GB", Array("RIFF".utf8) + [255, 255, 255, 255] + Array("WEBP".utf8),
            .damaged(.webp, "it is shorter than it claims")),
        Hostile(
            "a WebP that claims nothing", Array("RIFF".utf8) + [0, 0, 0, 0] + Array("WEBP".utf8),
            .damaged(.webp, "it is shorter than it claims")),
        Hostile(
            "a WebP with a chunk of 4 GB", Make.riff(Array("VP8L".utf8) + [255, 255, 255, 255]),
            .damaged(.webp, "it ends inside a chunk")),
        Hostile(
            "a WebP without a picture's header", Make.riff(Make.riffChunk("VP8 ", [1, 2])),
            .damaged(.webp, "its picture has no header")),
        Hostile(
            "a WebP with a short header", Make.riff(Make.riffChunk("VP8X", [0, 0]) + still),
            .damaged(.webp, "its header is too short")),
        Hostile(
            "a WebP of 16 million pixels a side",
            Make.riff(
                Make.riffChunk("VP8X", [2, 0, 0, 0] + [UInt8](repeating: 255, count: 6))
                    + Make.riffChunk("ANMF", [UInt8](repeating: 0, count: 16) + still)), tooLarge(1 << 24, 1 << 24)),
        Hostile(
            "a WebP of two sizes", Make.riff(Make.riffChunk("VP8X", [0, 0, 0, 0, 9, 0, 0, 9, 0, 0]) + still),
            .damaged(.webp, "it gives two different sizes")),
        Hostile(
            "a WebP with a short frame", Make.riff(Make.riffChunk("ANMF", [0, 0, 0])),
            .damaged(.webp, "its first frame is too short")),
        Hostile(
            "a WebP whose frame lies outside",
            Make.riff(
                Make.riffChunk("VP8X", [2, 0, 0, 0, 9, 0, 0, 9, 0, 0])
                    + Make.riffChunk("ANMF", [9, 0, 0] + [UInt8](repeating: 0, count: 13) + still)),
            .damaged(.webp, "its first frame reaches beyond the picture")),
    ]

    private static let screen = Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0]

    static let gif: [Hostile] = [
        Hostile("a GIF of nothing", Array("GIF89a".utf8), .damaged(.gif, "it ends inside its header")),
        Hostile("a GIF without a picture", screen + [0x3B], .damaged(.gif, "it has no picture")),
        Hostile("a GIF without an end", screen, .damaged(.gif, "it ends before its first frame")),
        Hostile(
            "a GIF with a short table", Array("GIF89a".utf8) + [1, 0, 1, 0, 0x87, 0, 0, 1, 2],
            .damaged(.gif, "it ends inside a table of colours")),
        Hostile(
            "a GIF with rubbish for a block", screen + [7],
            .damaged(.gif, "something else stands where a block must begin, at byte 13")),
        Hostile("a GIF with an endless note", screen + [0x21, 0xFE, 200, 1], .damaged(.gif, "it ends early")),
        Hostile("a GIF with a short frame", screen + [0x2C, 0, 0], .damaged(.gif, "it ends inside its first frame")),
        Hostile(
            "a GIF of 65,535 pixels a side", screen + [0x2C, 0, 0, 0, 0, 255, 255, 255, 255, 0],
            tooLarge(65_535, 65_535)),
        Hostile(
            "a GIF whose frame lies far away",
            screen + [0x2C, 255, 255, 255, 255, 1, 0, 1, 0, 0, 8, 1, 0, 0, 0x3B], tooLarge(65_536, 65_536)),
        Hostile(
            "a GIF without width", screen + [0x2C, 0, 0, 0, 0, 0, 0, 1, 0, 0], .emptyImage(width: 0, height: 1)),
    ]
}
