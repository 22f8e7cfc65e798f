package import Tensors

/// Runs the blocks of a transformer: the one place that step caches, offload, captured graphs and the cutting of sequences
/// go through.
package struct BlockRunner<Transformer: DiffusionTransformer> {
    package let transformer: Transformer
    /// What is added to the token streams after a block, by its number, as a ControlNet gives it.
    package var residuals: [Int: [Tensor]] = [:]

    package init(_ transformer: Transformer) { self.transformer = transformer }

    /// Runs some blocks.
    ///
    /// - Parameters:
    ///   - blocks: which, in their order
    ///   - state: what runs from block to block
    package func run(_ blocks: Range<Int>, _ state: inout Transformer.State) throws(TensorError) {
        for index in blocks {
            try transformer.block(index, &state)
            if let changes = residuals[index] { try state.add(changes) }
        }
    }

    /// One prediction, every block computed.
    ///
    /// - Parameter input: what it is made from
    /// - Returns: the prediction, one tensor for each of the latents
    package func predict(_ input: Transformer.Input) throws(TensorError) -> [Tensor] {
        try finish(transformer.begin(input), from: 0)
    }

    /// The prediction of a state.
    ///
    /// - Parameters:
    ///   - state: what runs from block to block
    ///   - first: the first block that is still to be computed
    /// - Returns: the prediction, one tensor for each of the latents
    package func finish(_ state: consuming Transformer.State, from first: Int) throws(TensorError) -> [Tensor] {
        var state = state
        try run(first..<transformer.blockCount, &state)
        return try transformer.finish(state)
    }
}
