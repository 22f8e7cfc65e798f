package import Tensors

/// How the modules of a model compute: what enters through the weight view instead of each module's parameters.
package struct ExecutionPlan {
    /// The type of weights and activations.
    package var dtype: DType
    /// Where they live.
    package var device: Device
    /// The attention kernel.
    package var attention: any AttentionBackend
    /// How results of one denoising step are used again in the next ones; nil computes everything.
    package var stepCache: StepCacheSettings?

    /// - Parameters:
    ///   - dtype: the type of weights and activations
    ///   - device: where they live
    ///   - attention: the attention kernel; nil for the exact one of the device
    ///   - stepCache: how results of one denoising step are used again in the next ones
    package init(
        dtype: DType = .float32, device: Device = .cpu, attention: (any AttentionBackend)? = nil,
        stepCache: StepCacheSettings? = nil
    ) {
        (self.dtype, self.device, self.stepCache) = (dtype, device, stepCache)
        self.attention = attention ?? (device == .cpu ? TiledAttention() : ScaledDotProductAttention())
    }

    /// Whether the weights of linear layers are kept as this processor's products read them, not as they are stored.
    ///
    /// - Throws: ``TensorError``
    package func packsWeights() throws(TensorError) -> Bool {
        guard device == .cpu else { return false }
        return try dtype.isPackedForProducts()
    }

    /// The same in 32-bit floats, for components that 16 bits would spoil.
    package var wide: ExecutionPlan {
        var plan = self
        plan.dtype = .float32
        return plan
    }
}
