/// A PNG's first chunk.
// Source: W3C, Portable Network Graphics (Third Edition), 11.2.1 and 8.1.
struct PNGHeader {
    /// The rows that one pass over the image gives.
    struct Pass {
        let x, y, stepX, stepY: Int
        let columns, rows: Int
    }

    /// In pixels.
    var width, height: Int
    /// Of one channel.
    let bits: Int
    /// 1 for grey or a number of the palette, 2 for grey and alpha, 3 for colours, 4 for colours and alpha.
    let channels: Int
    let hasPalette: Bool
    private let isInterlaced: Bool

    /// - Parameter data: of the chunk
    /// - Throws: `.damaged`
    init(_ data: ArraySlice<UInt8>) throws(MediaError) {
        guard data.count >= 13, let width = data.bigEndian(at: 0, size: 4), let height = data.bigEndian(at: 4, size: 4)
        else { throw .damaged(.png, "its header is too short") }
        let fields = Array(data.dropFirst(8).prefix(5)).map(Int.init)
        let kinds: [Int: (channels: Int, bits: [Int])] = [
            0: (1, [1, 2, 4, 8, 16]), 2: (3, [8, 16]), 3: (1, [1, 2, 4, 8]), 4: (2, [8, 16]), 6: (4, [8, 16]),
        ]
        guard let kind = kinds[fields[1]], kind.bits.contains(fields[0]) else {
            throw .damaged(.png, "it has a colour type that does not exist")
        }
        guard fields[3] == 0 else { throw .damaged(.png, "it has a way of filtering that does not exist") }
        (self.width, self.height, bits, channels) = (width, height, fields[0], kind.channels)
        (hasPalette, isInterlaced) = (fields[1] == 3, fields[4] != 0)
    }

    /// How many bytes the packed pixels of a row take.
    func size(ofColumns columns: Int) -> Int { (columns * channels * bits + 7) / 8 }

    /// How many bytes the pixels take before they are compressed, each row with the byte that names its filter.
    var unpackedSize: Int { passes.reduce(0) { $0 + $1.rows * (1 + size(ofColumns: $1.columns)) } }

    /// The passes over the image that hold pixels.
    var passes: [Pass] {
        let steps =
            isInterlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        return steps.compactMap { x, y, stepX, stepY in
            let (columns, rows) = ((width - x + stepX - 1) / stepX, (height - y + stepY - 1) / stepY)
            guard columns > 0, rows > 0 else { return nil }
            return Pass(x: x, y: y, stepX: stepX, stepY: stepY, columns: columns, rows: rows)
        }
    }
}
