package import Parallel
package import Tensors

/// A transformer's state on one of the ranks that share its tokens, or the whole state where one has all.
package struct SharedState<State: TransformerState> {
    /// With this rank's tokens.
    package var state: State
    /// Which tokens the ranks have; nil where one has all.
    package let cut: SequenceCut?

    /// The tokens of every stream that this rank has, each `[batch, tokens, width]`.
    package func tokenStreams() throws(TensorError) -> [Tensor] { try state.tokenStreams() }

    /// Changes this rank's tokens.
    ///
    /// - Parameter changes: what is added to each of ``tokenStreams()``; those without one stay as they are
    package mutating func add(_ changes: [Tensor]) throws(TensorError) { try state.add(changes) }

    /// Gives each rank its part of the tokens.
    ///
    /// - Parameters:
    ///   - whole: all tokens, the same on every rank
    ///   - group: the ranks; nil gives one all
    init(_ whole: State, sharedBy group: ProcessGroup?) throws(TensorError) {
        state = whole
        guard let group else {
            cut = nil
            return
        }
        let cut = SequenceCut(try whole.tokenStreams().map { $0.size(1) }, ranks: group.size)
        try state.mapTokens { tensor, axis, stream throws(TensorError) in
            try tensor.slice(cut.streams[stream].range(group.rank), axis: axis).contiguous()
        }
        self.cut = cut
    }

    /// The state with all tokens of the streams that the predictions are made of, for the layers behind the blocks.
    ///
    /// - Parameter group: the ranks that share them
    /// - Returns: the same on every rank
    func joined(by group: ProcessGroup?) throws(TensorError) -> State {
        guard let group, let cut else { return state }
        var whole = state
        try whole.mapLastTokens { tensor, axis, stream throws(TensorError) in
            guard stream < State.predictedStreams else { return tensor }
            let rows = try tensor.transposed(0, axis)
            return try concatenate(group.allGather(rows, rows: cut.streams[stream].counts), axis: 0)
                .transposed(0, axis).contiguous()
        }
        return whole
    }
}
