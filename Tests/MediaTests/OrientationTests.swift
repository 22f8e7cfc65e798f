import Media
import Testing

/// Where an orientation is found, as PIL 13.0 finds it: the image is 37×21, and 21×37 where it is turned.
@Suite struct OrientationTests {
    /// EXIF data with one field of the orientation.
    private static func exif(_ kind: UInt8, _ value: [UInt8], count: UInt8 = 1) -> [UInt8] {
        let padded = value + [UInt8](repeating: 0, count: max(4 - value.count, 0))
        let field: [UInt8] = [0x12, 1, kind, 0, count, 0, 0, 0]
        if value.count <= 4 { return Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0] + field + padded + [0, 0, 0, 0] }
        return Array("II*\0".utf8) + [8, 0, 0, 0, 1, 0] + field + [26, 0, 0, 0] + [0, 0, 0, 0] + value
    }

    private static let turned = exif(3, [6, 0])
    private static let prefix = Array("Exif\0\0".utf8)
    private static let xmp = Array(#"<x tiff:Orientation="6"/>"#.utf8)

    private static func jpeg(_ notes: [UInt8]...) throws -> [UInt8] {
        let bytes = try MediaGoldens.bytes("444.jpg")
        return bytes.prefix(2) + notes.flatMap { ImageBytes.segment(0xE1, $0) } + bytes.dropFirst(2)
    }

    private static func png(before: [[UInt8]] = [], after: [[UInt8]] = []) throws -> [UInt8] {
        let bytes = try MediaGoldens.bytes("rgb.png")
        return bytes.prefix(33) + before.flatMap { $0 } + bytes.dropFirst(33).dropLast(12) + after.flatMap { $0 }
            + bytes.suffix(12)
    }

    private static func webp(flags: UInt8, _ chunks: (String, [UInt8])...) throws -> [UInt8] {
        let header = ImageBytes.riffChunk("VP8X", [flags, 0, 0, 0, 36, 0, 0, 20, 0, 0])
        let image = try MediaGoldens.bytes("lossless.webp").dropFirst(12)
        return ImageBytes.riff(header + image + chunks.flatMap { ImageBytes.riffChunk($0.0, $0.1) })
    }

    private func isTurned(_ bytes: [UInt8]) throws -> Bool { try Image(decoding: bytes).width == 21 }

    /// Whole numbers of every width and numbers with a fraction of nothing turn; bytes and texts do not.
    @Test(
        arguments: [
            (3, [6, 0], true), (4, [6, 0, 0, 0], true), (6, [6], true), (8, [6, 0], true), (9, [6, 0, 0, 0], true),
            (13, [6, 0, 0, 0], true), (16, [6, 0, 0, 0, 0, 0, 0, 0], true), (5, [12, 0, 0, 0, 2, 0, 0, 0], true),
            (10, [6, 0, 0, 0, 1, 0, 0, 0], true), (11, [0, 0, 0xC0, 0x40], true),
            (12, [0, 0, 0, 0, 0, 0, 0x18, 0x40], true),
            (11, [0, 0, 0xD0, 0x40], false), (1, [6], false), (2, [0x36], false), (7, [6], false), (99, [6], false),
            (3, [9, 0], false), (8, [0xFA, 0xFF], false),
        ] as [(UInt8, [UInt8], Bool)])
    func readsNumbersOfEveryKind(_ kind: UInt8, _ value: [UInt8], _ turns: Bool) throws {
        #expect(try isTurned(Self.jpeg(Self.prefix + Self.exif(kind, value))) == turns)
    }

    @Test func takesTheFirstOfSeveralNumbers() throws {
        #expect(try isTurned(Self.jpeg(Self.prefix + Self.exif(3, [6, 0, 1, 0], count: 2))))
        #expect(try isTurned(Self.jpeg(Self.prefix + Self.exif(3, [6, 0, 1, 0, 1, 0], count: 3))))
    }

    @Test func readsAJPEGsSegments() throws {
        let (prefix, turned, upright) = (Self.prefix, Self.turned, Self.exif(3, [1, 0]))
        let address = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
        #expect(try isTurned(Self.jpeg(prefix + prefix + turned)))
        #expect(try isTurned(Self.jpeg(prefix + turned.prefix(12), prefix + turned.dropFirst(12))))
        #expect(try isTurned(Self.jpeg(address + Self.xmp)))
        #expect(try isTurned(Self.jpeg(address + Array("<tiff:Orientation>6</tiff:Orientation>".utf8))))
        #expect(try isTurned(Self.jpeg(prefix + Self.exif(99, [6]), address + Self.xmp)))
        #expect(try !isTurned(Self.jpeg(prefix + upright, address + Self.xmp)))
        #expect(try !isTurned(Self.jpeg(prefix + Self.exif(1, [6]), address + Self.xmp)))
        #expect(try !isTurned(Self.jpeg(turned)))
        #expect(try !isTurned(Self.jpeg(prefix + Array("no EXIF at all".utf8), address + Self.xmp)))
    }

    @Test func readsAPNGsChunks() throws {
        let exif = ImageBytes.chunk("eXIf", Self.turned)
        let xmp = Array("XML:com.adobe.xmp\0".utf8)
        let digits = (Self.prefix + Self.turned).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let profile = Array("Raw profile type exif\0\nexif\n  36\n\(digits)\n".utf8)
        let stored = ImageBytes.stored(Self.xmp)
        for chunk in [
            exif, ImageBytes.chunk("eXIf", Self.prefix + Self.turned),
            ImageBytes.chunk("tEXt", Array("exif\0".utf8) + Self.prefix + Self.turned),
            ImageBytes.chunk("tEXt", profile), ImageBytes.chunk("tEXt", xmp + Self.xmp),
            ImageBytes.chunk("iTXt", xmp + [0, 0, 0, 0] + Self.xmp),
            ImageBytes.chunk("iTXt", xmp + [1, 0, 0, 0] + stored), ImageBytes.chunk("zTXt", xmp + [0] + stored),
        ] {
            #expect(try isTurned(Self.png(before: [chunk])))
            #expect(try isTurned(Self.png(after: [chunk])))
        }
        let upright = ImageBytes.chunk("eXIf", Self.exif(3, [1, 0]))
        #expect(try !isTurned(Self.png(before: [exif], after: [upright])))
        #expect(try !isTurned(Self.png(before: [upright, ImageBytes.chunk("tEXt", profile)])))
        #expect(
            try !isTurned(Self.png(before: [ImageBytes.chunk("tEXt", Array("Raw profile type exif\0x\n\n\nx".utf8))]))
        )
    }

    @Test func readsAWebPsChunksWhereItsHeaderAnnouncesThem() throws {
        #expect(try isTurned(Self.webp(flags: 8, ("EXIF", Self.turned))))
        #expect(try isTurned(Self.webp(flags: 8, ("EXIF", Self.prefix + Self.turned))))
        #expect(try isTurned(Self.webp(flags: 4, ("XMP ", Self.xmp))))
        #expect(try isTurned(Self.webp(flags: 8, ("EXIF", Self.turned), ("EXIF", Self.exif(3, [1, 0])))))
        #expect(try !isTurned(Self.webp(flags: 12, ("EXIF", Self.exif(3, [1, 0])), ("XMP ", Self.xmp))))
        #expect(try !isTurned(Self.webp(flags: 0, ("EXIF", Self.turned))))
    }
}
