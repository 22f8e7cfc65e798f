/// What a JPEG says of itself before its first scan, found where PIL finds it.
struct JPEGFile {
    /// More scans than any encoder writes; each costs the decoder a pass over the whole image.
    static let scanLimit = 100

    private let bytes: [UInt8]
    private var offset = 2
    private var size = (width: 0, height: 0)
    private var components = 0
    private var exif: [UInt8]?
    private var xmp: ArraySlice<UInt8>?

    /// Looks through a file without decoding it.
    ///
    /// As with PIL, bytes between the segments are passed over.
    ///
    /// - Throws: `.damaged`, `.unsupported`, `.emptyImage`, `.imageTooLarge`
    // Source: ITU-T T.81, annex B; Pillow 13.0.0, JpegImagePlugin.py.
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var file = JPEGFile(bytes: bytes)
        while try file.readSegment() {}
        try Image.checkSize(width: file.size.width, height: file.size.height)
        // A block of 64 pixels takes at least a bit; a file of fewer would only cost memory.
        let blocks = ((file.size.width + 7) / 8) * ((file.size.height + 7) / 8)
        guard bytes.count * 8 >= blocks else { throw .damaged(.jpeg, "a part of its pixels is missing") }
        return StillFile(
            format: .jpeg, width: file.size.width, height: file.size.height,
            orientation: ImageOrientation(exif: file.exif?[...], xmp: file.xmp),
            pixels: JPEGPixels(
                bytes: bytes, width: file.size.width, height: file.size.height, components: file.components))
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    /// Reads up to the next marker and what belongs to it; false after the first scan's header.
    private mutating func readSegment() throws(MediaError) -> Bool {
        while offset < bytes.count, bytes[offset] != 0xFF { offset += 1 }
        while offset + 1 < bytes.count, bytes[offset + 1] == 0xFF { offset += 1 }
        guard offset + 1 < bytes.count else { throw .damaged(.jpeg, "it has no image") }
        let marker = bytes[offset + 1]
        offset += 2
        switch marker {
        case 0, 0xC8, 0xD0...0xD9, 0xF0...0xFD: return true
        case 0x01...0xBF: throw .damaged(.jpeg, "it has a marker that does not exist (\(marker))")
        default: break
        }
        guard let length = bytes[offset...].bigEndian(at: 0, size: 2),
            let data = bytes[offset...].field(at: 2, size: max(length - 2, 0))
        else { throw .damaged(.jpeg, "it ends inside a segment") }
        offset = data.endIndex
        try note(marker, data)
        return marker != 0xDA
    }

    private mutating func note(_ marker: UInt8, _ data: ArraySlice<UInt8>) throws(MediaError) {
        switch marker {
        case 0xC0...0xC3, 0xC5...0xC7, 0xC9...0xCB, 0xCD...0xCF, 0xDE: try noteFrame(data)
        case 0xDA where components == 0: throw .damaged(.jpeg, "its pixels come before its header")
        case 0xE1 where data.starts(with: EXIFDirectory.prefix):
            exif = exif.map { $0 + data.dropFirst(EXIFDirectory.prefix.count) } ?? Array(data)
        case 0xE1 where data.starts(with: Self.xmpPrefix): xmp = data.dropFirst(Self.xmpPrefix.count)
        default: break
        }
    }

    private mutating func noteFrame(_ data: ArraySlice<UInt8>) throws(MediaError) {
        guard let bits = data.first, let height = data.bigEndian(at: 1, size: 2),
            let width = data.bigEndian(at: 3, size: 2), let components = data.bigEndian(at: 5, size: 1)
        else { throw .damaged(.jpeg, "its header is too short") }
        guard bits == 8 else { throw .unsupported(.jpeg, "it has not 8 bits for each colour") }
        guard [1, 3, 4].contains(components) else { throw .unsupported(.jpeg, "it has \(components) colours") }
        (size, self.components) = ((width, height), components)
    }

    private static let xmpPrefix = Array("http://ns.adobe.com/xap/1.0/\0".utf8)
}
