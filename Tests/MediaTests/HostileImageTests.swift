import Media
import Testing

/// Files made to break a decoder, each with the error that must come of it.
@Suite struct HostileImageTests {
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

    private typealias Make = ImageBytes
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
        Hostile(
            "a PNG without its header", Make.png(pixels, end), .damaged(.png, "it has no header before its pixels")),
        Hostile(
            "a PNG with a short header", Make.png(Make.chunk("IHDR", [0, 0, 0, 1]), pixels, end),
            .damaged(.png, "its header is too short")),
        Hostile("a PNG without pixels", Make.png(Make.header(1, 2), end), .damaged(.png, "it has no pixels")),
        Hostile(
            "a PNG of many pixels in few bytes", Make.png(Make.header(9000, 9000), pixels, end),
            .damaged(.png, "a part of its pixels is missing")),
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
            .damaged(.png, "its pixels do not unpack")),
        Hostile(
            "a PNG with a filter that does not exist",
            Make.png(Make.header(1, 2), Make.chunk("IDAT", Make.stored([0, 1, 2, 3, 5, 4, 5, 6])), end),
            .damaged(.png, "it has a row with a filter that does not exist")),
        Hostile(
            "a PNG of 3 bits", Make.png(Make.header(1, 2, bits: 3, colour: 0), pixels, end),
            .damaged(.png, "it has a colour type that does not exist")),
        Hostile(
            "a PNG of colour 5", Make.png(Make.header(1, 2, colour: 5), pixels, end),
            .damaged(.png, "it has a colour type that does not exist")),
        Hostile(
            "a PNG with pixels of 4 GB", Make.png(Make.header(1, 2), [255, 255, 255, 255] + Array("IDATxxxx".utf8)),
            .damaged(.png, "its pixels do not unpack")),
        Hostile(
            "a PNG with a chunk of 4 GB", Make.png(Make.header(1, 2), [255, 255, 255, 255] + Array("tEXtxxxx".utf8)),
            .damaged(.png, "its chunk tEXt claims 4294967295 bytes, more than there are")),
        Hostile(
            "a PNG with a chunk of 4 GB behind its pixels",
            Make.png(Make.header(1, 2), pixels, [255, 255, 255, 255] + Array("tEXtxxxx".utf8)),
            .damaged(.png, "its chunk tEXt claims 4294967295 bytes, more than there are")),
        Hostile(
            "a PNG with a wrong checksum",
            Make.png(Make.header(1, 2), Array(Make.chunk("gAMA", [0, 0, 1, 0]).dropLast()) + [1], pixels, end),
            .damaged(.png, "the checksum of its chunk gAMA is wrong")),
        Hostile(
            "a PNG with a text of many bytes",
            Make.png(
                Make.header(1, 2), Make.chunk("zTXt", Array("Raw profile type exif\0\0".utf8) + bomb), pixels, end),
            .unsupported(.png, "its text Raw profile type exif unpacks to more than 1048576 bytes")),
        Hostile(
            "a PNG whose frame reaches beyond it",
            Make.png(
                Make.header(1, 2),
                Make.chunk("fcTL", [0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1] + [UInt8](repeating: 0, count: 14)), pixels, end
            ),
            .damaged(.png, "a frame reaches beyond the image")),
        Hostile(
            "a PNG whose palette has too many colours",
            Make.png(
                Make.header(1, 2, colour: 3), Make.chunk("PLTE", [UInt8](repeating: 0, count: 771)), pixels, end),
            .damaged(.png, "its palette has 257 colours")),
        Hostile(
            "a PNG with rubbish for a chunk", Make.png(Make.header(1, 2), [0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
            .damaged(.png, "something else stands where a chunk must begin, at byte 33")),
    ]

    /// Two million zeros, not packed.
    private static let bomb: [UInt8] =
        [0x78, 0x01] + (0..<32).flatMap { _ in [0, 255, 255, 0, 0] + [UInt8](repeating: 0, count: 65_535) }

    private static let frame = Make.segment(0xC0, [8, 0, 8, 0, 8, 1, 1, 0x11, 0])

    static let jpeg: [Hostile] = [
        Hostile("a JPEG of nothing", [0xFF, 0xD8, 0xFF], .damaged(.jpeg, "it has no image")),
        Hostile("a JPEG without an image", [0xFF, 0xD8, 0xFF, 0xD9], .damaged(.jpeg, "it has no image")),
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
        Hostile(
            "a JPEG of two colours", [0xFF, 0xD8] + Make.segment(0xC0, [8, 0, 8, 0, 8, 2, 1, 0x11, 0, 2, 0x11, 0]),
            .unsupported(.jpeg, "it has 2 colours")),
        Hostile(
            "a JPEG with a short header", [0xFF, 0xD8] + Make.segment(0xC0, [8, 0, 8, 0]),
            .damaged(.jpeg, "its header is too short")),
        Hostile(
            "a JPEG with two headers", [0xFF, 0xD8] + frame + frame + scan,
            .cannotDecode(.jpeg, reason: "Invalid JPEG file structure: two SOF markers")),
        Hostile(
            "a lossless JPEG", [0xFF, 0xD8] + Make.segment(0xC3, [8, 0, 8, 0, 8, 1, 1, 0x11, 0]) + scan,
            .cannotDecode(.jpeg, reason: "Unsupported JPEG process: SOF type 0xc3")),
        Hostile(
            "a JPEG whose pixels come first", [0xFF, 0xD8] + scan,
            .damaged(.jpeg, "its pixels come before its header")),
        Hostile(
            "a JPEG without tables", [0xFF, 0xD8] + frame + scan + [0, 0xFF, 0xD9],
            .cannotDecode(.jpeg, reason: "Quantization table 0x00 was not defined")),
        Hostile(
            "a JPEG of a thousand scans",
            [0xFF, 0xD8] + Make.segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))
                + Make.segment(0xC4, [0, 1] + [UInt8](repeating: 0, count: 16))
                + Make.segment(0xC4, [16, 1] + [UInt8](repeating: 0, count: 16))
                + Make.segment(0xC2, [8, 0, 8, 0, 8, 1, 1, 0x11, 0])
                + [[UInt8]](repeating: Make.segment(0xDA, [1, 1, 0, 0, 0, 0]) + [0], count: 1000).flatMap { $0 } + [
                    0xFF, 0xD9,
                ],
            .unsupported(.jpeg, "it has more than 100 scans")),
        Hostile(
            "a JPEG with a marker that does not exist", [0xFF, 0xD8] + frame + [1, 2, 0xFF, 3],
            .damaged(.jpeg, "it has a marker that does not exist (3)")),
        Hostile(
            "a JPEG of many pixels in few bytes",
            [0xFF, 0xD8] + Make.segment(0xC2, [8, 35, 40, 35, 40, 1, 1, 0x11, 0]) + scan + [0xFF, 0xD9],
            .damaged(.jpeg, "a part of its pixels is missing")),
        Hostile("a JPEG that is all zeros", [0xFF, 0xD8, 0xFF] + [UInt8](repeating: 0, count: 5000), noImage),
    ]

    private static let scan = Make.segment(0xDA, [1, 1, 0, 0, 63, 0])
    private static let noImage = MediaError.damaged(.jpeg, "it has no image")

    private static let still = Make.riffChunk("VP8L", [0x2F, 0, 0, 0, 0, 0])

    static let webp: [Hostile] = [
        Hostile("a WebP of nothing", Make.riff([]), .damaged(.webp, "it has no image")),
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
            "a WebP without an image's header", Make.riff(Make.riffChunk("VP8 ", [1, 2])),
            .damaged(.webp, "its image has no header")),
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
            .damaged(.webp, "its first frame reaches beyond the image")),
    ]

    private static let screen = Array("GIF89a".utf8) + [1, 0, 1, 0, 0, 0, 0]

    static let gif: [Hostile] = [
        Hostile("a GIF of nothing", Array("GIF89a".utf8), .damaged(.gif, "it ends inside its header")),
        Hostile("a GIF without an image", screen + [0x3B], .damaged(.gif, "it has no image")),
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
