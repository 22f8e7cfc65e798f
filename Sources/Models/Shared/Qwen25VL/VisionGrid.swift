/// Where the patches of an image lie: cell after cell, each of `merge` by `merge` patches that become one token.
package struct VisionGrid: Equatable, Sendable {
    /// Patches from top to bottom and from left to right; multiples of `merge`.
    package let rows, columns: Int
    /// Patches of a cell along each side.
    package let merge: Int

    /// - Parameters:
    ///   - rows: patches from top to bottom
    ///   - columns: patches from left to right
    ///   - merge: patches of a cell along each side, a divisor of both
    package init(rows: Int, columns: Int, merge: Int) {
        precondition(rows.isMultiple(of: merge) && columns.isMultiple(of: merge), "\(rows) × \(columns) patches")
        (self.rows, self.columns, self.merge) = (rows, columns, merge)
    }

    /// How many patches there are.
    package var patches: Int { rows * columns }
    /// How many tokens they become.
    package var tokens: Int { patches / (merge * merge) }

    /// Row and column of each patch, in the patches' order.
    var positions: [(row: Int, column: Int)] {
        (0..<patches).map { patch in
            let (cell, place) = patch.quotientAndRemainder(dividingBy: merge * merge)
            let (row, column) = cell.quotientAndRemainder(dividingBy: columns / merge)
            return (row * merge + place / merge, column * merge + place % merge)
        }
    }
}
