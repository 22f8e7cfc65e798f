package import Layers
internal import Parallel
package import Tensors

/// Runs the blocks of a transformer: the one place that step caches, offload, captured graphs and the sharing of sequences
/// go through.
package struct BlockRunner<Transformer: DiffusionTransformer> {
    package let transformer: Transformer
    private let context: ComputeContext
    /// What is added to the token streams after a block, by its number, as a ControlNet gives it.
    package var residuals: [Int: [Tensor]] = [:]

    /// - Parameters:
    ///   - transformer: what predicts
    ///   - context: what it computes with
    package init(_ transformer: Transformer, _ context: ComputeContext = ComputeContext(ComputePlan())) {
        (self.transformer, self.context) = (transformer, context)
    }

    /// Embeds an input, and takes this rank's part of the tokens.
    ///
    /// - Parameter input: what a prediction is made from
    /// - Returns: what runs from block to block
    package func begin(_ input: Transformer.Input) throws(TensorError) -> SharedState<Transformer.State> {
        try SharedState(transformer.begin(input), sharedBy: context.ranks?[.sequence])
    }

    /// Runs some blocks.
    ///
    /// - Parameters:
    ///   - blocks: which, in their order
    ///   - state: what runs from block to block
    package func run(_ blocks: Range<Int>, _ state: inout SharedState<Transformer.State>) throws(TensorError) {
        context.sequence = state.cut
        defer { context.sequence = nil }
        guard residuals.isEmpty, context.plan.capturesBlocks, !blocks.isEmpty else {
            for index in blocks {
                try transformer.block(index, &state.state)
                if let changes = residuals[index] { try state.add(changes) }
            }
            return
        }
        try transformer.captures.run(blocks, &state, context) { state throws(TensorError) in
            for index in blocks { try transformer.block(index, &state) }
        }
    }

    /// The prediction of a state behind the last block.
    ///
    /// - Parameter state: what ran from block to block
    /// - Returns: the prediction, one tensor for each of the latents, the same on every rank
    package func finish(_ state: SharedState<Transformer.State>) throws(TensorError) -> [Tensor] {
        try transformer.finish(state.joined(by: context.ranks?[.sequence]))
    }

    /// One prediction, every block computed.
    ///
    /// - Parameter input: what it is made from
    /// - Returns: the prediction, one tensor for each of the latents
    package func predict(_ input: Transformer.Input) throws(TensorError) -> [Tensor] {
        try finish(begin(input), from: 0)
    }

    /// The prediction of a state before some of the blocks.
    ///
    /// - Parameters:
    ///   - state: what runs from block to block
    ///   - first: the first block that is still to be computed
    /// - Returns: the prediction, one tensor for each of the latents
    package func finish(_ state: consuming SharedState<Transformer.State>, from first: Int) throws(TensorError)
        -> [Tensor]
    {
        var state = state
        try run(first..<transformer.blockCount, &state)
        return try finish(state)
    }
}
