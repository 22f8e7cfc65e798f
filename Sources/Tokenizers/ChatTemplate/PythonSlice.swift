/// `[from:to:step]`.
struct PythonSlice {
    let from, to: Int?
    let step: Int

    /// - Parameter count: how many items there are
    /// - Returns: which of them are taken, in order; none for a step of 0
    func indices(of count: Int) -> [Int] {
        let (low, high) = step < 0 ? (-1, count - 1) : (0, count)
        func clamped(_ bound: Int?, _ standard: Int) -> Int {
            guard let bound else { return standard }
            return min(max(bound < 0 ? bound + count : bound, low), high)
        }
        let step = min(max(step, -count - 1), count + 1)
        if step > 0 { return Array(stride(from: clamped(from, low), to: clamped(to, high), by: step)) }
        if step < 0 { return Array(stride(from: clamped(from, high), to: clamped(to, low), by: step)) }
        return []
    }
}
