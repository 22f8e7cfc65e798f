/// How a row of a PNG was made easier to pack.
// Source: W3C, Portable Network Graphics (Third Edition), 9.2.
enum PNGFilter {
    /// Takes a row's filter back.
    ///
    /// - Parameters:
    ///   - row: the number of its filter, then its bytes
    ///   - above: the row above it, as long
    ///   - unit: how many bytes lie between a byte and the one on its left
    /// - Returns: false for a filter that does not exist
    static func undo(_ row: inout [UInt8], above: [UInt8], unit: Int) -> Bool {
        let (kind, count) = (row[0], row.count)
        return row.withUnsafeMutableBufferPointer { row in
            above.withUnsafeBufferPointer { above in
                let first = min(unit + 1, count)
                switch kind {
                case 0: break
                case 1: for i in first..<count { row[i] &+= row[i - unit] }
                case 2: for i in 1..<count { row[i] &+= above[i] }
                case 3:
                    for i in 1..<first { row[i] &+= above[i] / 2 }
                    for i in first..<count { row[i] &+= UInt8((Int(row[i - unit]) + Int(above[i])) / 2) }
                case 4:
                    for i in 1..<first { row[i] &+= above[i] }
                    for i in first..<count { row[i] &+= nearest(row[i - unit], above[i], above[i - unit]) }
                default: return false
                }
                return true
            }
        }
    }

    /// Whichever of three neighbours is nearest to left + above - corner.
    @inline(__always)
    static func nearest(_ left: UInt8, _ above: UInt8, _ corner: UInt8) -> UInt8 {
        let (a, b, c) = (Int16(left), Int16(above), Int16(corner))
        let (toA, toB, toC) = (abs(b &- c), abs(a &- c), abs(a &+ b &- 2 &* c))
        return toA <= toB && toA <= toC ? left : toB <= toC ? above : corner
    }
}
