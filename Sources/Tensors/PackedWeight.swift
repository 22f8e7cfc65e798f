internal import CTorch

extension Tensor {
    /// A copy of the weight of a linear layer, `[out, in]` on the CPU, in oneDNN's own layout.
    ///
    /// - Returns: a weight for `linear` and `linearGELUTanh`, and for nothing else
    package func packedForProducts() throws(TensorError) -> Tensor {
        try Tensor("pack_linear_weight", ct_pack_linear_weight(handle))
    }
}
