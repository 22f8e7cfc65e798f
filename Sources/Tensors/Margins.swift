/// Rows above and below an image, and columns on its left and on its right.
package struct Margins: Sendable, Equatable {
    /// How many rows are above, and as many below.
    package var rows: Int
    /// How many columns are on the left, and as many on the right.
    package var columns: Int

    /// - Parameters:
    ///   - rows: how many are above, and as many below
    ///   - columns: how many are on the left, and as many on the right
    package init(rows: Int, columns: Int) { (self.rows, self.columns) = (rows, columns) }

    /// As many at every edge.
    package init(_ all: Int) { self.init(rows: all, columns: all) }
}
