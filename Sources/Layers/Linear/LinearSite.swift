/// One linear layer of a model, stated when the block is read: what a kernel is chosen by.
package struct LinearSite: Sendable, Hashable {
    /// The module's path in the checkpoint, as `transformer_blocks.3.attn.to_q`.
    package let name: String
    /// Of which component.
    package let component: ComponentRole
    /// The weight as the checkpoint has it: the width of the output, and axes whose product is that of the input.
    package let shape: [Int]
    package let hasBias: Bool
    package let cut: LinearCut

    /// Width of the input.
    package var from: Int { shape.dropFirst().reduce(1, *) }
    /// Width of the output.
    package var to: Int { shape[0] }

    var weightKey: String { name.isEmpty ? "weight" : "\(name).weight" }
    var biasKey: String { name.isEmpty ? "bias" : "\(name).bias" }
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
