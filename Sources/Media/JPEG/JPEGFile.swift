/// What a JPEG says of itself, and the part of it that makes the picture.
struct JPEGFile {
    /// More scans than any encoder writes; each costs the decoder a pass over the whole picture.
    static let scanLimit = 100

    private let bytes: [UInt8]
    private var offset = 2
    private var kept: [UInt8] = [0xFF, 0xD8]
    private var size: (width: Int, height: Int)?
    private var orientation = ImageOrientation.upright
    private var scans = 0
    private var components = 0
    private var hasAdobeMarker = false

    /// Looks through a file without decoding it.
    ///
    /// Segments that the pixels do not need are left out. What follows the end of the first picture is ignored.
    ///
    /// - Throws: `.damaged`, `.unsupported`
    // Source: ITU-T T.81, annex B.
    static func scan(_ bytes: [UInt8]) throws(MediaError) -> StillFile {
        var file = JPEGFile(bytes: bytes)
        while try file.readSegment() {}
        guard let size = file.size, file.scans > 0 else { throw .damaged(.jpeg, "it has no picture") }
        guard file.components != 4 || file.hasAdobeMarker else {
            throw .unsupported(.jpeg, "it has four colours and does not say which")
        }
        return StillFile(
            format: .jpeg, width: size.width, height: size.height, orientation: file.orientation, picture: file.kept)
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// Reads one marker and what belongs to it; false at the end of the picture.
    private mutating func readSegment() throws(MediaError) -> Bool {
        guard offset < bytes.count, bytes[offset] == 0xFF else {
            throw .damaged(.jpeg, offset < bytes.count ? "no segment begins at byte \(offset)" : "it ends early")
        }
        while offset < bytes.count, bytes[offset] == 0xFF { offset += 1 }
        guard offset < bytes.count else { throw .damaged(.jpeg, "it ends early") }
        let marker = bytes[offset]
        offset += 1
        if marker == 0xD9 {
            kept += [0xFF, marker]
            return false
        }
        guard let length = bytes[offset...].bigEndian(at: 0, size: 2), length >= 2,
            let data = bytes[offset...].field(at: 2, size: length - 2)
        else { throw .damaged(.jpeg, "it ends inside a segment") }
        offset += length
        try note(marker, data)
        if marker == 0xDA { try readScan() }
        return true
    }

    private mutating func note(_ marker: UInt8, _ data: ArraySlice<UInt8>) throws(MediaError) {
        switch marker {
        case 0xC4, 0xDB, 0xDD: keep(marker, data)
        case 0xC0, 0xC1, 0xC2:
            guard size == nil else { throw .damaged(.jpeg, "it has two headers") }
            guard data.first == 8 else { throw .unsupported(.jpeg, "it has not 8 bits for each colour") }
            guard let height = data.bigEndian(at: 1, size: 2), let width = data.bigEndian(at: 3, size: 2),
                let components = data.bigEndian(at: 5, size: 1)
            else { throw .damaged(.jpeg, "its header is too short") }
            size = (width, height)
            self.components = components
            keep(marker, data)
        case 0xC3, 0xC5...0xCF: throw .unsupported(.jpeg, "it is neither baseline nor progressive")
        case 0xE1 where data.starts(with: Array("Exif\0\0".utf8)) && orientation == .upright:
            orientation = ImageOrientation(exif: data.dropFirst(6))
        case 0xEE where data.starts(with: Array("Adobe".utf8)):
            hasAdobeMarker = true
            keep(marker, data)
        case 0xDA:
            guard size != nil else { throw .damaged(.jpeg, "its pixels come before its header") }
            scans += 1
            guard scans <= Self.scanLimit else { throw .unsupported(.jpeg, "it has more than \(Self.scanLimit) scans") }
            keep(marker, data)
        case 0xE0...0xEF, 0xFE: break
        default: throw .damaged(.jpeg, "it has a marker that does not exist (\(marker))")
        }
    }

    private mutating func keep(_ marker: UInt8, _ data: ArraySlice<UInt8>) {
        let length = data.count + 2
        kept += [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)]
        kept += data
    }

    /// Steps over coded pixels, to the next marker that is neither an escaped 0xFF nor a restart.
    private mutating func readScan() throws(MediaError) {
        let start = offset
        while offset + 1 < bytes.count {
            if bytes[offset] == 0xFF, bytes[offset + 1] != 0, bytes[offset + 1] & 0xF8 != 0xD0 {
                kept += bytes[start..<offset]
                return
            }
            offset += 1
        }
        throw .damaged(.jpeg, "it ends inside its pixels")
    }
}
