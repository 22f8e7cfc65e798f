import Tensors

/// Memory that tensors borrow, which counts how often it was let go.
final class Memory {
    let floats: UnsafeMutableBufferPointer<Float>
    private let released: (() -> Void)?

    init(_ values: [Float], released: (() -> Void)? = nil) {
        floats = .allocate(capacity: values.count)
        _ = floats.initialize(from: values)
        self.released = released
    }

    deinit {
        floats.deallocate()
        released?()
    }

    /// A tensor over the memory itself.
    func tensor(_ shape: [Int]) throws(TensorError) -> Tensor {
        try Tensor(borrowing: UnsafeRawBufferPointer(floats), .float32, shape: shape, owner: self)
    }
}

/// A number that closures share.
final class Counter {
    var value = 0
}
