internal import CTorch

/// An array of numbers on a device, whose operations are LibTorch's.
///
/// A copy shares the numbers; nothing changes them in place. A tensor stays on the thread that made it: LibTorch keeps
/// inference mode, current device and current stream per thread.
package struct Tensor {
    private let storage: TensorStorage

    /// Takes over what a function of the shim returned.
    ///
    /// - Parameters:
    ///   - operation: the operation's name, for the error
    ///   - handle: a tensor with one reference, or nil when the operation failed on this thread
    /// - Throws: ``TensorError`` when it failed
    init(_ operation: StaticString, _ handle: ct_tensor?) throws(TensorError) {
        guard let handle else { throw TensorError.ofThisThread(in: operation) }
        storage = try TensorStorage(operation, handle)
    }

    /// The shim's handle, valid as long as this value lives.
    var handle: ct_tensor { storage.handle }
}

@available(*, unavailable, message: "A Tensor stays on the worker that made it; send plain values instead.")
extension Tensor: Sendable {}

/// One reference to LibTorch's tensor.
private final class TensorStorage {
    let handle: ct_tensor
    let dtype: DType

    init(_ operation: StaticString, _ handle: ct_tensor) throws(TensorError) {
        do {
            dtype = try DType(of: handle, in: operation)
        } catch {
            ct_release(handle)
            throw error
        }
        self.handle = handle
    }

    deinit { ct_release(handle) }
}

extension Tensor {
    /// How many axes there are.
    package var rank: Int { Int(ct_rank(handle)) }

    /// The length of every axis, outermost first.
    package var shape: [Int] { (0..<rank).map { Int(ct_size(handle, Int64($0))) } }

    /// How many numbers there are.
    package var count: Int { Int(ct_count(handle)) }

    /// The type of the numbers.
    package var dtype: DType { storage.dtype }

    /// Where the numbers are.
    package var device: Device { Device(index: Int(ct_device_of(handle))) }

    /// Whether the numbers lie in memory without gaps, last axis innermost.
    package var isContiguous: Bool { ct_is_contiguous(handle) }

    /// The length of one axis; a negative axis counts from the end.
    ///
    /// - Parameter axis: an axis that the tensor has
    /// - Returns: its length
    package func size(_ axis: Int) -> Int {
        let index = axis < 0 ? axis + rank : axis
        precondition((0..<rank).contains(index), "axis \(axis) of a tensor of rank \(rank)")
        return Int(ct_size(handle, Int64(index)))
    }
}

extension Tensor: CustomStringConvertible {
    package var description: String { "Tensor(\(shape), \(dtype), \(device))" }
}
