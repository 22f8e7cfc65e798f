/// The cells of an image in square windows, row after row; those at the right and lower edge may be smaller.
// Source: huggingface/transformers 5.23.0, vision_utils.py, `get_vision_window_index`.
struct VisionWindows {
    /// Neighbouring windows of one size.
    struct Run: Equatable {
        /// How many windows.
        var count: Int
        /// Of each window, in cells.
        let length: Int
    }

    /// The cells, counted row by row, in the order of the windows.
    let order: [Int]
    /// All windows, in their order.
    let runs: [Run]

    /// - Parameters:
    ///   - grid: the patches
    ///   - side: of a window, in cells
    init(_ grid: VisionGrid, side: Int) {
        let (rows, columns) = (grid.rows / grid.merge, grid.columns / grid.merge)
        var (order, runs): ([Int], [Run]) = ([], [])
        for top in stride(from: 0, to: rows, by: side) {
            for left in stride(from: 0, to: columns, by: side) {
                let (bottom, right) = (min(top + side, rows), min(left + side, columns))
                for row in top..<bottom { order += (left..<right).map { row * columns + $0 } }
                let length = (bottom - top) * (right - left)
                if runs.last?.length == length {
                    runs[runs.count - 1].count += 1
                } else {
                    runs.append(Run(count: 1, length: length))
                }
            }
        }
        (self.order, self.runs) = (order, runs)
    }

    /// The place of each cell in ``order``.
    var places: [Int] {
        var places = [Int](repeating: 0, count: order.count)
        for (place, cell) in order.enumerated() { places[cell] = place }
        return places
    }
}
