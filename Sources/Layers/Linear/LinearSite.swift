internal import Parallel

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
    /// What of the weight this device has; nil for all of it.
    package var part: LinearPart?

    /// The same layer with all of its weight.
    var whole: LinearSite {
        var whole = self
        whole.part = nil
        return whole
    }

    /// Width of the input.
    package var from: Int { part?.inputs?.count ?? shape.dropFirst().reduce(1, *) }
    /// Width of the output.
    package var to: Int { part?.outputs?.count ?? shape[0] }
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

/// The part of a linear layer's weight that one of several devices has.
package struct LinearPart: Sendable, Hashable {
    /// The columns and the rows it has; nil for all.
    package var inputs, outputs: Pieces?

    /// Pieces of an axis, put side by side.
    package struct Pieces: Sendable, Hashable {
        package let ranges: [Range<Int>]

        package var count: Int { ranges.map(\.count).reduce(0, +) }
    }

    /// Some rows of a weight.
    init(outputs: Pieces) { self.outputs = outputs }

    /// How many numbers of the weight this is.
    ///
    /// - Parameter shape: of the whole weight
    package func count(of shape: [Int]) -> Int {
        (outputs?.count ?? shape[0]) * (inputs?.count ?? shape.dropFirst().reduce(1, *))
    }

    /// - Parameters:
    ///   - cut: along which side the weight is shared
    ///   - shape: of the weight, `[to, from]`
    ///   - device: which one, from 0
    ///   - devices: how many share it
    /// - Returns: nil where every device has all of it
    package init?(_ cut: LinearCut, _ shape: [Int], device: Int, of devices: Int) {
        func pieces(_ segments: [Int], _ width: Int) -> Pieces {
            var (start, ranges): (Int, [Range<Int>]) = (0, [])
            for segment in segments.isEmpty ? [width] : segments {
                let own = Shards(segment, into: devices).range(device)
                ranges.append(start + own.lowerBound..<start + own.upperBound)
                start += segment
            }
            return Pieces(ranges: ranges)
        }
        guard devices > 1 else { return nil }
        switch cut {
        case .whole: return nil
        case .output(let segments): outputs = pieces(segments, shape[0])
        case .input(let segments): inputs = pieces(segments, shape[1])
        }
    }
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
