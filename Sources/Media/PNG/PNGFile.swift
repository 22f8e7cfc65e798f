/// What a PNG says of itself, and its packed pixels: what PIL reads is read, what PIL refuses is refused.
// Source: W3C, Portable Network Graphics (Third Edition), 5 and 11; Pillow 13.0.0, PngImagePlugin.py.
struct PNGFile {
    private var header: PNGHeader?
    private var palette: ArraySlice<UInt8> = []
    private var notes = PNGNotes()
    private var animation = PNGAnimation()

    /// Looks through a file without decoding it.
    ///
    /// Before the pixels every chunk must be whole and its checksum right. Of the pixels' chunks and those behind them
    /// no checksum counts, and the file may end where it will once the pixels are all there.
    ///
    /// - Throws: `.damaged`, `.unsupported`, `.emptyImage`
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var file = PNGFile()
        var chunks = try PNGChunks(ByteSource(bytes))
        var chunk = try file.readToPixels(&chunks)
        guard let header = file.header else { throw .damaged(.png, "it has no header before its pixels") }
        let frame = file.animation.frame
        let hasFrames = file.animation.hasFrames
        var packed: [ArraySlice<UInt8>] = []
        while let next = chunk, next.kind == "IDAT" {
            packed.append(try chunks.rest(of: next))
            chunk = chunks.holds(next) ? try? chunks.next() : nil
        }
        try file.readRest(&chunks, from: chunk, hasFrames: hasFrames)
        return try file.still(header, frame, packed)
    }

    /// Reads up to the first chunk of pixels.
    private mutating func readToPixels(_ chunks: inout PNGChunks) throws(MediaError) -> PNGChunk? {
        while true {
            let chunk = try chunks.next()
            switch chunk.kind {
            case "IDAT": return chunk
            case "IEND": throw .damaged(.png, "it has no pixels")
            case "IHDR": header = try PNGHeader(chunks.checkedData(of: chunk))
            case "PLTE":
                let data = try chunks.checkedData(of: chunk)
                if header?.hasPalette == true { palette = data }
            default: try note(chunk.kind, chunks.checkedData(of: chunk))
            }
        }
    }

    /// Reads what stands behind the pixels, to the end of the file or of an animation's first frame.
    private mutating func readRest(
        _ chunks: inout PNGChunks, from first: PNGChunk?, hasFrames: Bool
    ) throws(MediaError) {
        var chunk = first
        while let next = chunk, next.kind != "IEND", next.kind != "fcTL" || !hasFrames {
            let data = try chunks.data(of: next)
            if !["IDAT", "IHDR", "PLTE"].contains(next.kind) { try note(next.kind, data) }
            chunk = try? chunks.next()
        }
    }

    private mutating func note(_ kind: String, _ data: ArraySlice<UInt8>) throws(MediaError) {
        let shortest = ["gAMA": 4, "cHRM": 32, "sRGB": 1, "pHYs": 9, "acTL": 8, "fcTL": 26, "tRNS": keySize]
        if let size = shortest[kind], data.count < size { throw .damaged(.png, "its chunk \(kind) is too short") }
        switch kind {
        case "acTL": animation.readControl(data)
        case "fcTL": try animation.readFrame(data, width: header?.width ?? 0, height: header?.height ?? 0)
        default: try notes.read(kind, data)
        }
    }

    /// How many bytes name a colour that is transparent.
    private var keySize: Int {
        guard let header, !header.hasPalette else { return 0 }
        return header.channels == 1 ? 2 : header.channels == 3 ? 6 : 0
    }

    private func still(
        _ whole: PNGHeader, _ frame: PNGAnimation.Frame?, _ packed: [ArraySlice<UInt8>]
    ) throws(MediaError) -> StillFile {
        let colours = whole.hasPalette ? try table() : []
        var header = whole
        var placement: StillFile.Placement?
        if let frame {
            (header.width, header.height) = (frame.width, frame.height)
            try Image.checkSize(width: frame.width, height: frame.height)
            placement = StillFile.Placement(
                x: frame.x, y: frame.y, width: frame.width, height: frame.height,
                around: colours.isEmpty ? [0, 0, 0] : Array(colours.prefix(3)))
        }
        return StillFile(
            format: .png, width: whole.width, height: whole.height, orientation: notes.orientation,
            pixels: PNGPixels(header: header, palette: colours, packed: packed), placement: placement)
    }

    /// The palette's colours; numbers beyond them are black, as in PIL.
    private func table() throws(MediaError) -> [UInt8] {
        let count = palette.count / 3
        guard count <= 256 else { throw .damaged(.png, "its palette has \(count) colours") }
        return Array(palette.prefix(3 * count)) + [UInt8](repeating: 0, count: 3 * (256 - count))
    }
}
