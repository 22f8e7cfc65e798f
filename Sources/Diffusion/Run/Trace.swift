package import Tensors

/// Intermediate results of one generation, kept in host memory for comparison with a reference.
package final class Trace {
    /// One recorded tensor.
    package struct Entry: Sendable {
        package let name: String
        package let shape: [Int]
        package let numbers: Numbers

        /// The numbers, last axis innermost.
        package enum Numbers: Sendable {
            case floats([Float])
            case bytes([UInt8])
        }

        /// The numbers in 32-bit floats, last axis innermost.
        package var values: [Float] {
            switch numbers {
            case .floats(let floats): floats
            case .bytes(let bytes): bytes.map(Float.init)
            }
        }
    }

    /// In the order they were recorded.
    package private(set) var entries: [Entry] = []

    package init() {}

    /// Records a tensor, in 32-bit floats.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - tensor: the tensor, batch axis first
    package func record(_ name: String, _ tensor: Tensor) throws(TensorError) {
        entries.append(Entry(name: name, shape: tensor.shape, numbers: .floats(try tensor.floats())))
    }

    /// Records token ids, in 32-bit floats.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - rows: one row an item, all of one length
    package func record(_ name: String, ids rows: [[Int32]]) {
        let values = rows.flatMap { $0.map(Float.init) }
        entries.append(Entry(name: name, shape: [rows.count, rows.first?.count ?? 0], numbers: .floats(values)))
    }

    /// Records bytes.
    ///
    /// - Parameters:
    ///   - name: its name in the trace's contract
    ///   - bytes: the numbers, last axis innermost
    ///   - shape: the length of every axis
    package func record(_ name: String, bytes: [UInt8], shape: [Int]) {
        entries.append(Entry(name: name, shape: shape, numbers: .bytes(bytes)))
    }
}
