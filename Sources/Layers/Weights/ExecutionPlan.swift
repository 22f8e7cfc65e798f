package import Tensors

/// How the modules of a model compute: what enters through the weight view instead of each module's parameters.
package struct ExecutionPlan {
    /// The type of weights and activations.
    package var dtype: DType
    /// Where they live.
    package var device: Device
    /// The attention kernel.
    package var attention: any AttentionBackend

    /// - Parameters:
    ///   - dtype: the type of weights and activations
    ///   - device: where they live
    ///   - attention: the attention kernel; nil for the exact one of the device
    package init(dtype: DType = .float32, device: Device = .cpu, attention: (any AttentionBackend)? = nil) {
        (self.dtype, self.device) = (dtype, device)
        self.attention = attention ?? (device == .cpu ? TiledAttention() : ScaledDotProductAttention())
    }

    /// The same in 32-bit floats, for components that 16 bits would spoil.
    package var wide: ExecutionPlan {
        var plan = self
        plan.dtype = .float32
        return plan
    }
}
