/// Filters rows of a PNG: of the five ways the one whose bytes, taken as signed numbers, have the least sum of magnitudes.
// Source: W3C, Portable Network Graphics (Third Edition), 9.2 and 12.7.
struct PNGRowFilter {
    private let unit: Int
    /// The row and the one above it, each behind as many zeros as a pixel has bytes.
    private var row, above: [UInt8]
    /// What the five make of it.
    private var candidates: [[UInt8]]

    /// - Parameters:
    ///   - width: of a row, in bytes
    ///   - unit: how many bytes lie between a byte and the one on its left
    init(width: Int, unit: Int) {
        self.unit = unit
        row = [UInt8](repeating: 0, count: unit + width)
        above = row
        candidates = [[UInt8]](repeating: [UInt8](repeating: 0, count: width), count: 5)
    }

    /// - Parameters:
    ///   - pixels: the row
    ///   - before: the row above it; nil for the first
    ///   - result: where the number of the filter and the filtered row go
    mutating func filter(
        _ pixels: UnsafeBufferPointer<UInt8>, above before: UnsafeBufferPointer<UInt8>?,
        into result: UnsafeMutableBufferPointer<UInt8>
    ) {
        row.replaceSubrange(unit..., with: pixels)
        if let before { above.replaceSubrange(unit..., with: before) }
        let sums = [
            Self.sum(row, above, unit, into: &candidates[0]) { x, _, _, _ in x },
            Self.sum(row, above, unit, into: &candidates[1]) { x, left, _, _ in x &- left },
            Self.sum(row, above, unit, into: &candidates[2]) { x, _, up, _ in x &- up },
            Self.sum(row, above, unit, into: &candidates[3]) { x, left, up, _ in
                x &- UInt8(truncatingIfNeeded: (UInt16(left) &+ UInt16(up)) / 2)
            },
            Self.sum(row, above, unit, into: &candidates[4]) { x, left, up, corner in
                x &- PNGFilter.nearest(left, up, corner)
            },
        ]
        var best = 0
        for index in sums.indices where sums[index] < sums[best] { best = index }
        result[0] = UInt8(best)
        _ = UnsafeMutableBufferPointer(rebasing: result.dropFirst()).update(fromContentsOf: candidates[best])
    }

    /// Makes a candidate of each byte, those on its left and above it, and the one above on the left.
    ///
    /// - Returns: the sum of magnitudes
    @inline(__always)
    private static func sum(
        _ row: [UInt8], _ above: [UInt8], _ unit: Int, into result: inout [UInt8],
        _ difference: (UInt8, UInt8, UInt8, UInt8) -> UInt8
    ) -> Int {
        row.withUnsafeBufferPointer { row in
            above.withUnsafeBufferPointer { above in
                result.withUnsafeMutableBufferPointer { result in
                    var sum: UInt32 = 0
                    for i in result.indices {
                        let value = difference(row[i &+ unit], row[i], above[i &+ unit], above[i])
                        result[i] = value
                        sum &+= UInt32(min(value, 0 &- value))
                    }
                    return Int(sum)
                }
            }
        }
    }
}
