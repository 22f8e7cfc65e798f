/// What a WebP says of itself, and the part of it that makes the image.
enum WebPFile {
    /// Looks through a file without decoding it; of an animation, at its first frame.
    ///
    /// - Throws: `.damaged`
    // Source: RFC 9649, 2; RFC 6386, 9.1 (VP8).
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var canvas: (width: Int, height: Int)?
        var placement: StillFile.Placement?
        var (exif, xmp): (ArraySlice<UInt8>?, ArraySlice<UInt8>?) = (nil, nil)
        var flags = 0
        var image: Chunk?
        guard let claimed = bytes[...].littleEndian(at: 4, size: 4), claimed >= 4,
            let content = bytes[...].field(at: 12, size: claimed - 4)
        else { throw .damaged(.webp, "it is shorter than it claims") }
        for chunk in try chunks(content) {
            switch chunk.kind {
            case "VP8X":
                guard let width = chunk.data.littleEndian(at: 4, size: 3),
                    let height = chunk.data.littleEndian(at: 7, size: 3)
                else { throw .damaged(.webp, "its header is too short") }
                canvas = (width + 1, height + 1)
                flags = chunk.data.littleEndian(at: 0, size: 1) ?? 0
            case "VP8 ", "VP8L": image = image ?? chunk
            case "ANMF" where image == nil: (image, placement) = try frame(chunk.data)
            // As in libwebp, what the header does not announce is not there.
            case "EXIF" where flags & 0x08 != 0 && exif == nil: exif = chunk.data
            case "XMP " where flags & 0x04 != 0 && xmp == nil: xmp = chunk.data
            default: break
            }
        }
        guard let image else { throw .damaged(.webp, "it has no image") }
        let own = try size(of: image)
        guard own == placement.map({ ($0.width, $0.height) }) ?? canvas ?? own else {
            throw .damaged(.webp, "it gives two different sizes")
        }
        let (width, height) = canvas ?? own
        if let placement, placement.x + placement.width > width || placement.y + placement.height > height {
            throw .damaged(.webp, "its first frame reaches beyond the image")
        }
        return StillFile(
            format: .webp, width: width, height: height, orientation: ImageOrientation(exif: exif, xmp: xmp),
            pixels: FramePixels(bytes: file(of: image), format: .webp), placement: placement)
    }

    private struct Chunk {
        let kind: String
        let data: ArraySlice<UInt8>
    }

    private static func chunks(_ content: ArraySlice<UInt8>) throws(MediaError) -> [Chunk] {
        var chunks: [Chunk] = []
        var offset = 0
        while offset + 8 <= content.count {
            guard let length = content.littleEndian(at: offset + 4, size: 4),
                let data = content.field(at: offset + 8, size: length)
            else { throw .damaged(.webp, "it ends inside a chunk") }
            let kind = content.field(at: offset, size: 4) ?? []
            chunks.append(Chunk(kind: String(decoding: kind, as: UTF8.self), data: data))
            offset += 8 + length + length % 2
        }
        return chunks
    }

    /// The image inside a frame of an animation, and where it lies.
    private static func frame(_ data: ArraySlice<UInt8>) throws(MediaError) -> (Chunk?, StillFile.Placement) {
        guard let x = data.littleEndian(at: 0, size: 3), let y = data.littleEndian(at: 3, size: 3),
            let width = data.littleEndian(at: 6, size: 3), let height = data.littleEndian(at: 9, size: 3),
            let content = data.field(at: 16, size: data.count - 16)
        else { throw .damaged(.webp, "its first frame is too short") }
        let image = try chunks(content).first { $0.kind == "VP8 " || $0.kind == "VP8L" }
        return (image, StillFile.Placement(x: 2 * x, y: 2 * y, width: width + 1, height: height + 1))
    }

    /// The size that the coded image itself gives.
    private static func size(of image: Chunk) throws(MediaError) -> (width: Int, height: Int) {
        if image.kind == "VP8L", image.data.first == 0x2F, let bits = image.data.littleEndian(at: 1, size: 4) {
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        }
        if image.kind == "VP8 ", image.data.dropFirst(3).starts(with: [0x9D, 0x01, 0x2A]),
            let width = image.data.littleEndian(at: 6, size: 2),
            let height = image.data.littleEndian(at: 8, size: 2)
        {
            return (width & 0x3FFF, height & 0x3FFF)
        }
        throw .damaged(.webp, "its image has no header")
    }

    /// A file that holds nothing but the coded image.
    private static func file(of image: Chunk) -> [UInt8] {
        let padding = image.data.count % 2
        var file = Array("RIFF".utf8)
        file.appendLittleEndian(UInt32(truncatingIfNeeded: 12 + image.data.count + padding))
        file += Array("WEBP\(image.kind)".utf8)
        file.appendLittleEndian(UInt32(truncatingIfNeeded: image.data.count))
        return file + image.data + [UInt8](repeating: 0, count: padding)
    }
}
