/// What a PNG says of itself, and the part of it that makes the picture.
enum PNGFile {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Looks through a file without decoding it.
    ///
    /// Only the chunks that the pixels need are kept: the others may hold compressed data of any size, which FFmpeg
    /// would unpack, and the frames of an animation. That the pixels are all there is checked here, as FFmpeg gives a
    /// picture with black rows if they are not.
    ///
    /// - Throws: `.damaged`, `.unsupported`, `.emptyImage`, `.imageTooLarge`
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var chunks = try PNGChunks(bytes)
        guard let first = try chunks.next(), let header = PNGHeader(first) else {
            throw .damaged(.png, "it does not begin with its header")
        }
        try Image.checkSize(width: header.width, height: header.height)
        var pixels = try PNGPixelCount(header)
        var kept = signature + first.encoded
        var orientation = ImageOrientation.upright
        while let chunk = try chunks.next() {
            switch chunk.kind {
            case "eXIf": orientation = ImageOrientation(exif: chunk.data)
            case "IHDR": throw .damaged(.png, "it has two headers")
            case "IDAT", "PLTE", "tRNS", "IEND":
                kept += chunk.encoded
                if chunk.kind == "IDAT" { pixels.read(chunk.data) }
            default:
                if chunk.isCritical { throw .unsupported(.png, "it needs the chunk \(chunk.kind), which is unknown") }
            }
        }
        guard pixels.isComplete else { throw .damaged(.png, "a part of its pixels is missing") }
        guard !pixels.isEndless else { throw .damaged(.png, "it has more pixels than its size tells") }
        return StillFile(
            format: .png, width: header.width, height: header.height, orientation: orientation, picture: kept)
    }
}
