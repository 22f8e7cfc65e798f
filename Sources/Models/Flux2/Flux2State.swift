package import Diffusion
internal import Layers
package import Tensors

extension Flux2.Transformer {
    /// What runs from block to block.
    package struct State {
        package var streams: JointStreams
        /// SiLU of the embedded timestep and guidance, `[batch, width]`.
        package var conditioning: Tensor
        /// What all double blocks shift, scale and gate by, `[batch, 6 · width]`, and all single blocks,
        /// `[batch, 3 · width]`.
        var textModulation, imageModulation, singleModulation: Tensor
        /// The image's first tokens, which a prediction is made of; those of reference images follow.
        let predicted: Int
    }
}

extension Flux2.Transformer.State: TransformerState {
    package var marks: [Int] { [predicted] }
    package func tokenStreams() throws(TensorError) -> [Tensor] { try streams.tokenStreams() }
    package mutating func add(_ changes: [Tensor]) throws(TensorError) { try streams.add(changes) }
    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) { try streams.mapTokens(map) }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        try streams.mapTensors(map)
        (conditioning, textModulation) = (try map(conditioning), try map(textModulation))
        (imageModulation, singleModulation) = (try map(imageModulation), try map(singleModulation))
    }
}
