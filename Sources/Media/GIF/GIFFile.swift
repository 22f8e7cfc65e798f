/// What a GIF says of itself, and its first frame.
struct GIFFile {
    private let bytes: ArraySlice<UInt8>
    private var offset = 13
    private var transparentIndex: Int?

    /// Looks through a file without decoding it, up to the end of its first frame.
    ///
    /// As with PIL, pixels marked as transparent show the colour that their number has.
    ///
    /// - Parameter bytes: a whole file
    /// - Returns: the first frame as a GIF of its own, of the frame's size
    /// - Throws: `.damaged`, `.emptyImage`, `.imageTooLarge`
    // Source: CompuServe, Graphics Interchange Format 89a, 18 to 25; Pillow 13.0.0, GifImagePlugin.py.
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var file = GIFFile(bytes: bytes[...])
        guard let width = file.number(6, 2), let height = file.number(8, 2), let flags = file.number(10, 1) else {
            throw .damaged(.gif, "it ends inside its header")
        }
        let shared = try file.table(flags)
        while true {
            switch file.number(file.offset, 1) {
            case 0x21: try file.readExtension()
            case 0x2C: return try file.readFrame(width: width, height: height, shared)
            case 0x3B: throw .damaged(.gif, "it has no image")
            case nil: throw .damaged(.gif, "it ends before its first frame")
            default: throw .damaged(.gif, "something else stands where a block must begin, at byte \(file.offset)")
            }
        }
    }

    private init(bytes: ArraySlice<UInt8>) { self.bytes = bytes }

    private func number(_ offset: Int, _ size: Int) -> Int? { bytes.littleEndian(at: offset, size: size) }

    /// The colour table that a byte of flags announces, three bytes a colour; empty if there is none.
    private mutating func table(_ flags: Int) throws(MediaError) -> ArraySlice<UInt8> {
        guard flags & 0x80 != 0 else { return [] }
        let size = 6 << (flags & 7)
        guard let table = bytes.field(at: offset, size: size) else {
            throw .damaged(.gif, "it ends inside a table of colours")
        }
        offset += size
        return table
    }

    /// Steps over blocks of data, each behind its length, to the end that an empty one marks.
    private mutating func skipBlocks() throws(MediaError) {
        while true {
            guard let length = number(offset, 1) else { throw .damaged(.gif, "it ends early") }
            offset += 1 + length
            if length == 0 { return }
        }
    }

    private mutating func readExtension() throws(MediaError) {
        if number(offset + 1, 1) == 0xF9, let size = number(offset + 2, 1), size >= 4,
            let flags = number(offset + 3, 1),
            flags & 1 == 1
        {
            transparentIndex = number(offset + 6, 1)
        }
        offset += 2
        try skipBlocks()
    }

    private mutating func readFrame(
        width: Int, height: Int, _ shared: ArraySlice<UInt8>
    ) throws(MediaError) -> StillFile {
        guard let x = number(offset + 1, 2), let y = number(offset + 3, 2), let ownWidth = number(offset + 5, 2),
            let ownHeight = number(offset + 7, 2), let flags = number(offset + 9, 1)
        else { throw .damaged(.gif, "it ends inside its first frame") }
        try Image.checkSize(width: ownWidth, height: ownHeight)
        offset += 10
        let own = try table(flags)
        let table = !own.isEmpty ? own : !shared.isEmpty ? shared : Self.greys
        let data = offset
        offset += 1
        try skipBlocks()
        let bits = (table.count / 3).trailingZeroBitCount - 1
        var image = Array("GIF89a".utf8)
        let size = [ownWidth, ownHeight].flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        image += size + [UInt8(0x80 | bits), 0, 0] + table
        image += [0x2C, 0, 0, 0, 0] + size + [UInt8(flags & 0x40)]
        image += bytes[data..<offset] + [0x3B]
        let fill = 3 * (transparentIndex ?? 0)
        return StillFile(
            format: .gif, width: max(width, x + ownWidth), height: max(height, y + ownHeight), orientation: .upright,
            pixels: FramePixels(bytes: image, format: .gif),
            placement: StillFile.Placement(
                x: x, y: y, width: ownWidth, height: ownHeight,
                around: Array(table.field(at: fill, size: 3) ?? [0, 0, 0]))
        )
    }

    /// The table of a file that has none.
    private static let greys = (0..<256).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }[...]
}
