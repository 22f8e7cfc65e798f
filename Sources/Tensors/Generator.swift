internal import CTorch

/// A stream of random numbers: the same numbers that torch draws from the same seed on the same device.
package final class Generator {
    let handle: ct_generator

    /// Starts a stream.
    ///
    /// - Parameters:
    ///   - seed: what `manual_seed` takes in torch
    ///   - device: where the numbers are drawn
    package init(seed: UInt64, on device: Device = .cpu) throws(TensorError) {
        guard let handle = ct_generator_new(seed, device.index) else {
            throw TensorError.ofThisThread(in: "manual_seed")
        }
        self.handle = handle
    }

    deinit { ct_generator_release(handle) }

    /// Draws from the normal distribution of mean 0 and variance 1.
    ///
    /// - Parameters:
    ///   - shape: the length of every axis
    ///   - dtype: the type drawn in, which decides the numbers
    ///   - device: where they are drawn; the generator's own
    /// - Returns: the numbers
    package func normal(_ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu) throws(TensorError)
        -> Tensor
    {
        try Tensor("randn", ct_randn(shape.int64, shape.count, handle, dtype.code, device.index))
    }
}
