/// A PNG's first chunk.
// Source: W3C, Portable Network Graphics (Third Edition), 11.2.1 and 8.1.
struct PNGHeader {
    let width, height: Int
    private let bits, colour, interlace: Int

    /// - Parameter chunk: nil comes of a chunk that is no header
    init?(_ chunk: PNGChunk) {
        guard chunk.kind == "IHDR", chunk.data.count == 13, let width = chunk.data.bigEndian(at: 0, size: 4),
            let height = chunk.data.bigEndian(at: 4, size: 4), let bits = chunk.data.bigEndian(at: 8, size: 1),
            let colour = chunk.data.bigEndian(at: 9, size: 1), let interlace = chunk.data.bigEndian(at: 12, size: 1)
        else { return nil }
        (self.width, self.height, self.bits, self.colour, self.interlace) = (width, height, bits, colour, interlace)
    }

    /// How many bytes the pixels take before they are packed, each row with the byte that names its filter.
    ///
    /// - Throws: `.damaged`
    func unpackedSize() throws(MediaError) -> Int {
        let kinds: [Int: (channels: Int, bits: [Int])] = [
            0: (1, [1, 2, 4, 8, 16]), 2: (3, [8, 16]), 3: (1, [1, 2, 4, 8]), 4: (2, [8, 16]), 6: (4, [8, 16]),
        ]
        guard let kind = kinds[colour], kind.bits.contains(bits) else {
            throw .damaged(.png, "it has a colour type that does not exist")
        }
        guard interlace <= 1 else { throw .damaged(.png, "it has an interlacing that does not exist") }
        return passes.reduce(0) { size, pass in
            let columns = (width - pass.x + pass.stepX - 1) / pass.stepX
            let rows = (height - pass.y + pass.stepY - 1) / pass.stepY
            return columns == 0 ? size : size + rows * (1 + (columns * kind.channels * bits + 7) / 8)
        }
    }

    /// Where the passes over the picture begin, and their steps.
    private var passes: [(x: Int, y: Int, stepX: Int, stepY: Int)] {
        if interlace == 0 { return [(0, 0, 1, 1)] }
        return [
            (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
        ]
    }
}
