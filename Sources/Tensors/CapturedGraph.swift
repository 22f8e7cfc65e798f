internal import CTorch

/// What a thread gave its GPU to do, kept to be done again at once (a CUDA graph).
package final class CapturedGraph {
    private let handle: ct_graph
    private let inputs: [Tensor]
    /// What was copied last, which is not copied again.
    private var copied: [Tensor]

    /// Captures what a body starts on the calling thread's GPU; nothing of it is done yet.
    ///
    /// - Parameters:
    ///   - inputs: what the body reads and ``replay(_:)`` changes
    ///   - body: has run before, so that nothing is prepared any more
    /// - Returns: the graph, and what the body made: tensors that every replay writes to
    /// - Throws: ``TensorError``, also where a GPU cannot keep something that the body does
    package static func capture<Made>(reading inputs: [Tensor], _ body: () throws(TensorError) -> Made)
        throws(TensorError) -> (CapturedGraph, Made)
    {
        let graph = try CapturedGraph(reading: inputs)
        let made = try body()
        guard ct_graph_end(graph.handle) == 0 else { throw TensorError.ofThisThread(in: "graph_end") }
        return (graph, made)
    }

    private init(reading inputs: [Tensor]) throws(TensorError) {
        guard let handle = ct_graph_begin() else { throw TensorError.ofThisThread(in: "graph_begin") }
        (self.handle, self.inputs, copied) = (handle, inputs, inputs)
    }

    deinit { ct_graph_release(handle) }

    /// Does it all.
    ///
    /// - Parameter values: what is copied into the inputs, of their shapes
    package func replay(_ values: [Tensor]) throws(TensorError) {
        var (from, into): ([ct_tensor], [ct_tensor]) = ([], [])
        for index in inputs.indices where values[index].handle != copied[index].handle {
            from.append(values[index].handle)
            into.append(inputs[index].handle)
        }
        guard ct_graph_replay(handle, from, into, from.count) == 0 else {
            throw TensorError.ofThisThread(in: "graph_replay")
        }
        copied = values
    }
}

extension Tensor {
    /// The same numbers in memory of their own.
    package func cloned() throws(TensorError) -> Tensor { try Tensor("clone", ct_clone(handle)) }

    /// Whether this is a copy of the other value, with the same numbers in the same memory.
    package func isCopy(of other: Tensor) -> Bool { handle == other.handle }
}
