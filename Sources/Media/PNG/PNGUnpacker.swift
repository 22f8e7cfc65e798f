/// Turns rows of a PNG's pixels into RGB: of 16 bits the upper 8 stay, transparency is dropped.
struct PNGUnpacker {
    private let bits, size: Int
    /// Where a pixel's colours lie among its bytes.
    private let red, green, blue: Int
    /// Red, green and blue of each number, for pixels that are numbers of a table or less than a byte.
    private let table: [UInt8]

    /// - Parameters:
    ///   - header: the image's
    ///   - palette: of 256 colours, if it has one
    init(_ header: PNGHeader, palette: [UInt8]) {
        bits = header.bits
        size = header.channels * bits / 8
        (red, green, blue) = header.channels < 3 ? (0, 0, 0) : (0, bits / 8, 2 * bits / 8)
        if header.hasPalette {
            table = palette
        } else if bits < 8 {
            let brightest = 1 << bits - 1
            table = (0...brightest).flatMap { [UInt8](repeating: UInt8($0 * 255 / brightest), count: 3) }
        } else {
            table = []
        }
    }

    /// - Parameters:
    ///   - row: the number of its filter, then its pixels
    ///   - columns: how many pixels
    ///   - target: where the first goes
    ///   - step: to the next one's place, in bytes
    func write(_ row: [UInt8], _ columns: Int, into target: UnsafeMutablePointer<UInt8>, step: Int) {
        row.withUnsafeBufferPointer { row in
            guard table.isEmpty else { return writeNumbers(row, columns, into: target, step: step) }
            for x in 0..<columns {
                let (pixel, place) = (1 + x * size, x * step)
                target[place] = row[pixel + red]
                target[place + 1] = row[pixel + green]
                target[place + 2] = row[pixel + blue]
            }
        }
    }

    private func writeNumbers(
        _ row: UnsafeBufferPointer<UInt8>, _ columns: Int, into target: UnsafeMutablePointer<UInt8>, step: Int
    ) {
        let mask = 1 << bits - 1
        table.withUnsafeBufferPointer { table in
            for x in 0..<columns {
                let (byte, bit) = (1 + x * bits / 8, x * bits % 8)
                let colour = 3 * (Int(row[byte]) >> (8 - bits - bit) & mask)
                for channel in 0..<3 { target[x * step + channel] = table[colour + channel] }
            }
        }
    }
}
