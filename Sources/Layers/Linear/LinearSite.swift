/// One linear layer of a model, stated when the block is read: what a kernel is chosen by.
package struct LinearSite: Sendable, Hashable {
    /// The module's path in the checkpoint, as `transformer_blocks.3.attn.to_q`.
    package let name: String
    /// Of which component.
    package let component: ComponentRole
    /// The weight as the checkpoint has it: the width of the output, and axes whose product is that of the input.
    package let shape: [Int]
    package let hasBias: Bool
    package let traits: LinearTraits

    /// Width of the input.
    package var from: Int { shape.dropFirst().reduce(1, *) }
    /// Width of the output.
    package var to: Int { shape[0] }
    package var cut: LinearCut { traits.cut }
    /// Whether its weight may be in few bits: a transformer's, and no convolution's.
    var mayBeQuantized: Bool { component == .transformer && shape.count == 2 }
    /// Whether it may be quantised while it is loaded.
    var isQuantizable: Bool { mayBeQuantized && !traits.keepsBits }

    package var weightKey: String { key("weight") }
    var biasKey: String { key("bias") }
    /// The name of a tensor of this layer.
    func key(_ end: String) -> String { name.isEmpty ? end : "\(name).\(end)" }
}

/// What a block knows of one of its linear layers.
package struct LinearTraits: Sendable, Hashable {
    /// Along which side several devices may share the weight.
    package var cut = LinearCut.whole
    /// Whether it computes in 32-bit floats, though its weight stays in the model's type.
    package var isWide = false
    /// Whether its weight is not quantised while it is loaded: small layers that TensorRT-LLM leaves out.
    package var keepsBits = false
    /// The layers that have the same input, itself among them, as paths in the checkpoint.
    ///
    /// Query, key and value of an attention share the last scale of NVFP4.
    package var sharing: [String] = []

    package init() {}
}

/// Along which side several devices may share the weight of a linear layer.
package enum LinearCut: Sendable, Hashable {
    /// Every device has the whole weight.
    case whole
    /// Each device makes a part of the output: of each segment, where the output is several parts side by side.
    case output(segments: [Int] = [])
    /// Each device reads a part of the input, and the products are summed: of each segment, where the input is several
    /// parts side by side.
    case input(segments: [Int] = [])
}
