package import Diffusion
package import Tensors

extension Flux1.Transformer {
    /// What runs from block to block.
    package struct State {
        package var streams: JointStreams
        /// SiLU of the embedded timestep, guidance and pooled prompt, `[batch, width]`.
        package var conditioning: Tensor
        /// What shifts, scales and gates all blocks, `[batch, numbers]`.
        var modulations: Tensor
    }
}

extension Flux1.Transformer.State: TransformerState {
    package func tokenStreams() throws(TensorError) -> [Tensor] { try streams.tokenStreams() }
    package mutating func add(_ changes: [Tensor]) throws(TensorError) { try streams.add(changes) }
    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) { try streams.mapTokens(map) }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        try streams.mapTensors(map)
        (conditioning, modulations) = (try map(conditioning), try map(modulations))
    }
}
