internal import Layers
internal import Parallel
internal import Tensors

/// The blocks of a transformer as CUDA graphs, one for each shape of what runs through them.
///
/// It belongs to the weights that the graphs read. At a shape the blocks run as they are once, which prepares the libraries, are
/// captured when they run for the second time, and replayed from then on. Graphs that were not replayed for longest give way.
package final class CapturedBlocks<State: TransformerState>: GraphKeeper {
    /// What a graph is of.
    private struct Key: Hashable {
        let blocks: Range<Int>
        let shapes: [[Int]]
        let dtypes: [DType]
        let marks: [Int]
        /// Tokens of each rank, by stream.
        let cut: [[Int]]
        let roundsAttention: Bool
        let sharedMemory: Int
    }

    private struct Capture {
        let graph: CapturedGraph
        let inputs: [Tensor]
        /// Behind the blocks, in the graph's own memory.
        let state: State
        let counts: KernelCounts
        /// What it holds at most.
        let bytes: Int
    }

    /// How many are kept, each with memory of its own.
    private static var mostCaptures: Int { 16 }

    /// Nil for what ran as it is.
    private var captures: [Key: Capture?] = [:]
    /// The keys, from the one that was used longest ago.
    private var order: [Key] = []

    package init() {}

    package var keptBytes: Int { captures.values.compactMap { $0?.bytes }.reduce(0, +) }

    package func forget() { (captures, order) = ([:], []) }

    /// Runs some blocks.
    ///
    /// - Parameters:
    ///   - blocks: which
    ///   - state: what runs through them
    ///   - context: what they compute with
    ///   - run: runs them as they are
    func run(
        _ blocks: Range<Int>, _ state: inout SharedState<State>, _ context: ComputeContext,
        _ run: (inout State) throws(TensorError) -> Void
    ) throws(TensorError) {
        let inputs = try state.state.tensors()
        let key = Key(
            blocks: blocks, shapes: inputs.map(\.shape), dtypes: inputs.map(\.dtype), marks: state.state.marks,
            cut: state.cut?.streams.map(\.counts) ?? [], roundsAttention: context.roundsAttention,
            sharedMemory: context.ranks?.memoryMoves ?? 0)
        order.removeAll { $0 == key }
        order.append(key)
        guard let known = captures[key] else {
            try run(&state.state)
            captures[key] = .some(nil)
            if order.count > Self.mostCaptures { captures[order.removeFirst()] = nil }
            return
        }
        let capture = if let known { known } else { try self.capture(state.state, context, run) }
        captures[key] = capture
        try capture.graph.replay(inputs)
        context.count(capture.counts)
        state.state = capture.state
        // The graph's own memory is written again by the next replay.
        try state.state.mapTensors { tensor throws(TensorError) in
            if let index = capture.inputs.firstIndex(where: tensor.isCopy) { return inputs[index] }
            return try tensor.cloned()
        }
    }

    private func capture(
        _ state: State, _ context: ComputeContext, _ run: (inout State) throws(TensorError) -> Void
    ) throws(TensorError) -> Capture {
        var state = state
        try state.mapTensors { tensor throws(TensorError) in try tensor.cloned() }
        let inputs = try state.tensors()
        let (captured, counts) = try context.counting { () throws(TensorError) in
            try CapturedGraph.capture(reading: inputs) { () throws(TensorError) in
                var state = state
                try run(&state)
                return state
            }
        }
        context.graphs.note(self)
        return Capture(
            graph: captured.0, inputs: inputs, state: captured.1, counts: counts, bytes: context.graphs.bytesOfStage)
    }
}

extension TransformerState {
    /// All tensors, in the order of ``mapTensors(_:)``.
    fileprivate func tensors() throws(TensorError) -> [Tensor] {
        var (copy, found): (Self, [Tensor]) = (self, [])
        try copy.mapTensors { tensor throws(TensorError) in
            found.append(tensor)
            return tensor
        }
        return found
    }
}
