package import Parallel
package import Tensors

/// How models compute, as a value that crosses processes.
///
/// The thread of a device makes a ``ComputeContext`` of it. What changes how every model computes is a field here and
/// nowhere else.
package struct ComputePlan: Sendable, Equatable, Codable {
    /// The type of weights and activations.
    package var dtype: DType
    /// Where they live.
    package var device: Device
    /// How the transformers' attention is computed; nil for the exact kernel of the device.
    package var attention: AttentionPlan?
    /// Which linear layers of the transformers are quantised while they are loaded; nil for none.
    package var quantization: QuantizationPlan?
    /// How several devices share the work of a request.
    package var parallel = ParallelLayout()
    /// What is merged into the weights as they are read, in this order.
    package var loras: [LoRAPlan] = []
    /// Which weights may wait in the host's memory; nil for none.
    package var offload: OffloadPlan?
    /// Whether a GPU keeps what the transformers' blocks have it do, and does it again at once (CUDA graphs).
    package var capturesBlocks = false

    /// - Parameters:
    ///   - dtype: the type of weights and activations
    ///   - device: where they live
    ///   - attention: how the transformers' attention is computed; nil for the exact kernel of the device
    ///   - quantization: which linear layers of the transformers are quantised while they are loaded; nil for none
    package init(
        dtype: DType = .float32, device: Device = .cpu, attention: AttentionPlan? = nil,
        quantization: QuantizationPlan? = nil
    ) {
        (self.dtype, self.device, self.attention, self.quantization) = (dtype, device, attention, quantization)
    }

    /// The plan of one component.
    ///
    /// Text encoders and autoencoders never take over what only transformers are meant to have.
    ///
    /// - Parameters:
    ///   - role: what the component is for
    ///   - dtype: the type that it keeps to whatever the model's; nil if it follows the model
    /// - Returns: the plan
    package func `for`(_ role: ComponentRole, keeping dtype: DType? = nil) -> ComputePlan {
        var plan = self
        plan.dtype = dtype ?? self.dtype
        if role != .transformer { (plan.attention, plan.quantization) = (nil, nil) }
        return plan
    }
}

/// What a component of a model is for.
package enum ComponentRole: String, Sendable, Codable {
    case textEncoder, imageEncoder, transformer, vae
}
