package import Tensors

/// The random numbers of one batch: one stream for all items, or a stream for each.
package struct NoiseSource {
    private let generators: [Generator]
    private let count: Int

    /// - Parameters:
    ///   - seeds: one for the batch, or some that divide the items evenly: each then serves as many items in a row
    ///   - count: items of the batch
    package init(seeds: [UInt64], count: Int) throws(TensorError) {
        var generators: [Generator] = []
        for seed in seeds { generators.append(try Generator(seed: seed)) }
        (self.generators, self.count) = (generators, count)
    }

    /// Draws for the whole batch, on the CPU as diffusers does, so that a seed means the same on every device.
    ///
    /// - Parameter shape: one item's shape, without the batch axis
    /// - Returns: `[count] + shape`, 32-bit floats
    package func draw(_ shape: [Int]) throws(TensorError) -> Tensor {
        if generators.count == 1 { return try generators[0].normal([count] + shape) }
        let share = count / generators.count
        var items: [Tensor] = []
        for item in 0..<count { items.append(try generators[item / share].normal([1] + shape)) }
        return try concatenate(items, axis: 0)
    }
}
