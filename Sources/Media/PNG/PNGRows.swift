/// Reads a PNG's packed pixels row by row.
struct PNGRows: ~Copyable {
    /// As much as PIL reads at a time: damage behind the last pixel is seen where it stands in the same piece.
    private static let piece = 1 << 16

    private var inflater: Inflater
    private let packed: [ArraySlice<UInt8>]
    private var chunk = 0
    private var offset = 0

    /// - Parameter packed: the data of chunks that follow each other
    /// - Throws: `.outOfMemory`
    init(_ packed: [ArraySlice<UInt8>]) throws(MediaError) {
        inflater = try Inflater()
        self.packed = packed
    }

    var isBroken: Bool { inflater.isBroken }

    /// Fills a row; false where the bytes do not suffice or do not unpack.
    mutating func read(into row: inout [UInt8]) -> Bool {
        var filled = 0
        while filled < row.count, !inflater.isAtEnd, chunk < packed.count {
            let data = packed[chunk]
            if offset == data.count {
                (chunk, offset) = (chunk + 1, 0)
                continue
            }
            let end = min(data.count, (offset / Self.piece + 1) * Self.piece)
            data.withUnsafeBufferPointer { data in
                row.withUnsafeMutableBufferPointer { row in
                    var input = UnsafeBufferPointer(rebasing: data[offset..<end])
                    filled += inflater.unpack(&input, into: .init(rebasing: row[filled...]))
                    offset = end - input.count
                }
            }
        }
        return filled == row.count && !inflater.isBroken
    }
}
