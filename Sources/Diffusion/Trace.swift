package import Tensors

/// Intermediate results of one generation, kept in host memory in 32-bit floats for comparison with a reference.
package final class Trace {
    /// One recorded tensor.
    package struct Entry: Sendable {
        package let name: String
        package let shape: [Int]
        package let values: [Float]
    }

    /// In the order they were recorded.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// Records a tensor.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - tensor: the tensor, batch axis first
    /// - Throws: ``TensorError``
    package func record(_ name: String, _ tensor: Tensor) throws(TensorError) {
        entries.append(Entry(name: name, shape: tensor.shape, values: try tensor.floats()))
    }

    /// Records token ids.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - rows: one row an item, all of one length
    package func record(_ name: String, ids rows: [[Int32]]) {
        let values = rows.flatMap { $0.map(Float.init) }
        entries.append(Entry(name: name, shape: [rows.count, rows.first?.count ?? 0], values: values))
    }

    /// Records bytes.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - bytes: the numbers, last axis innermost
    ///   - shape: the length of every axis
    package func record(_ name: String, bytes: [UInt8], shape: [Int]) {
        entries.append(Entry(name: name, shape: shape, values: bytes.map(Float.init)))
    }
}
