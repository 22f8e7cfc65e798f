/// The first directory of EXIF data, read as far as PIL reads it.
// Source: Adobe, TIFF 6.0, 2; Pillow 13.0.0, TiffImagePlugin.py, `ImageFileDirectory_v2.load`.
struct EXIFDirectory {
    /// What a JPEG's segment has before the data, and some other files too.
    static let prefix = Array("Exif\0\0".utf8)

    /// One field: what kind of numbers it holds, and their bytes.
    struct Field {
        let kind: Int
        let data: ArraySlice<UInt8>
    }

    private let data: ArraySlice<UInt8>
    private let isBigEndian: Bool
    private let start: Int

    /// - Parameter data: from the TIFF header on; nil comes of another header
    init?(_ data: ArraySlice<UInt8>) {
        let headers: [(mark: [UInt8], isBigEndian: Bool)] = [
            ([0x4D, 0x4D, 0, 42], true), ([0x49, 0x49, 42, 0], false), ([0x4D, 0x4D, 42, 0], true),
            ([0x49, 0x49, 0, 42], false), ([0x4D, 0x4D, 0, 43], true),
        ]
        guard data.count >= 8, let header = headers.first(where: { data.starts(with: $0.mark) }) else { return nil }
        (self.data, isBigEndian) = (data, header.isBigEndian)
        start = Self.unsigned(data.dropFirst(4).prefix(4), header.isBigEndian).map(Int.init) ?? 0
    }

    /// The first field of a number; nil where the directory has none, or ends before it.
    func field(_ tag: Int) -> Field? {
        guard let count = number(start, 2) else { return nil }
        var known: Set<Int> = []
        var outside = 0
        for index in 0..<count {
            let place = start + 2 + 12 * index
            guard let found = number(place, 2), let kind = number(place + 2, 2), let values = number(place + 4, 4),
                let own = data.field(at: place + 8, size: 4)
            else { return nil }
            guard !known.contains(found), let width = Self.widths[kind], values > 0 else { continue }
            let size = values * width
            var content = own.prefix(size)
            if size > 4 {
                outside += size
                guard outside <= data.count else { continue }
                guard let offset = number(place + 8, 4), let far = data.field(at: offset, size: size) else {
                    return nil
                }
                content = far
            }
            if found == tag { return Field(kind: kind, data: content) }
            known.insert(found)
        }
        return nil
    }

    /// A field's first number; nil where it holds bytes or a text.
    func number(_ field: Field) -> Double? {
        guard let width = Self.widths[field.kind], let bits = Self.unsigned(field.data.prefix(width), isBigEndian)
        else { return nil }
        let signed = Int64(bitPattern: bits << UInt64(64 - 8 * width)) >> Int64(64 - 8 * width)
        // Of two numbers of 32 bits in a row, whichever comes first in the file.
        let (upper, lower) = (UInt32(truncatingIfNeeded: bits >> 32), UInt32(truncatingIfNeeded: bits))
        let (numerator, denominator) = isBigEndian ? (upper, lower) : (lower, upper)
        switch field.kind {
        case 3, 4, 13, 16: return Double(bits)
        case 6, 8, 9: return Double(signed)
        case 5: return Double(numerator) / Double(denominator)
        case 10: return Double(Int32(bitPattern: numerator)) / Double(Int32(bitPattern: denominator))
        case 11: return Double(Float(bitPattern: lower))
        case 12: return Double(bitPattern: bits)
        default: return nil
        }
    }

    /// How many bytes a value of each kind takes.
    private static let widths = [
        1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8,
    ]

    private func number(_ offset: Int, _ size: Int) -> Int? {
        isBigEndian ? data.bigEndian(at: offset, size: size) : data.littleEndian(at: offset, size: size)
    }

    /// A number of up to 8 bytes; nil of none.
    private static func unsigned(_ field: ArraySlice<UInt8>, _ isBigEndian: Bool) -> UInt64? {
        if field.isEmpty { return nil }
        return isBigEndian
            ? field.reduce(0) { $0 << 8 | UInt64($1) } : field.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
