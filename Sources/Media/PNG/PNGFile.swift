/// What a PNG says of itself, and the part of it that makes the picture.
enum PNGFile {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Looks through a file without decoding it.
    ///
    /// Only the chunks that the pixels need are kept: the others may hold compressed data of any size, which FFmpeg
    /// would unpack, and the frames of an animation.
    ///
    /// - Throws: `.damaged`, `.notAnImage`
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var chunks = try PNGChunks(bytes)
        guard let header = try chunks.next(), header.kind == "IHDR", header.data.count == 13,
            let width = header.data.bigEndian(at: 0, size: 4), let height = header.data.bigEndian(at: 4, size: 4)
        else { throw .damaged(.png, "it does not begin with its header") }
        var kept = signature + header.encoded
        var orientation = ImageOrientation.upright
        var hasPixels = false
        while let chunk = try chunks.next() {
            switch chunk.kind {
            case "eXIf": orientation = ImageOrientation(exif: chunk.data)
            case "IHDR": throw .damaged(.png, "it has two headers")
            case "IDAT", "PLTE", "tRNS", "IEND":
                kept += chunk.encoded
                hasPixels = hasPixels || chunk.kind == "IDAT"
            default:
                if chunk.isCritical { throw .unsupported(.png, "it needs the chunk \(chunk.kind), which is unknown") }
            }
        }
        guard hasPixels else { throw .damaged(.png, "it has no pixels") }
        return StillFile(format: .png, width: width, height: height, orientation: orientation, picture: kept)
    }
}
