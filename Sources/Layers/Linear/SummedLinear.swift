internal import Tensors

/// A linear layer of which each of several devices has some columns: their products are summed.
struct SummedLinear: LinearKernel {
    /// What this device has, without the bias.
    let part: any LinearKernel
    /// `[to]`.
    let bias: Tensor?
    let group: ProcessGroup

    func product(_ x: LinearInput) throws(TensorError) -> Tensor {
        let sum = try group.allReduce(part.product(x))
        return try bias.map { bias throws(TensorError) in try sum + bias } ?? sum
    }
}
