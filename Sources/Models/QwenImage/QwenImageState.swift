package import Diffusion
internal import Layers
package import Tensors

extension QwenImage.Transformer {
    /// What runs from block to block.
    package struct State {
        package var streams: JointStreams
        /// SiLU of the embedded timestep, `[batch, width]`.
        package var conditioning: Tensor
        /// Of each block.
        var modulations: [BlockModulation]
        /// What is added to the scores of the text's tokens, `[batch, 1, 1, textTokens]`; nil if none is padding.
        var textMask: Tensor?
        /// The row of each of the image's tokens in its modulation, `[tokens]`; nil for all as the text's.
        ///
        /// Tokens of reference images have row 1: they are free of noise.
        var kinds: Tensor?
        /// The image's first tokens, which a prediction is made of; those of reference images follow.
        let predicted: Int
    }
}

extension QwenImage.Transformer.State: TransformerState {
    package var marks: [Int] { [predicted] }
    package func tokenStreams() throws(TensorError) -> [Tensor] { try streams.tokenStreams() }
    package mutating func add(_ changes: [Tensor]) throws(TensorError) { try streams.add(changes) }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        try streams.mapTokens(map)
        textMask = try textMask.map { mask throws(TensorError) in try map(mask, 3, 1) }
        kinds = try kinds.map { kinds throws(TensorError) in try map(kinds, 0, 0) }
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        try streams.mapTensors(map)
        conditioning = try map(conditioning)
        textMask = try textMask.map { mask throws(TensorError) in try map(mask) }
        kinds = try kinds.map { kinds throws(TensorError) in try map(kinds) }
        for index in modulations.indices {
            modulations[index].text = try map(modulations[index].text)
            modulations[index].image = try map(modulations[index].image)
        }
    }
}

extension QwenImage.Transformer.State {
    /// What is added to the scores of all keys, `[batch, 1, 1, textTokens + tokens]`; nil if none is padding.
    func mask() throws(TensorError) -> Tensor? {
        guard let textMask else { return nil }
        let shape = [textMask.size(0), 1, 1, try streams.image().size(1)]
        return try concatenate([textMask, .full(0, shape, textMask.dtype, on: textMask.device)], axis: 3)
    }
}
