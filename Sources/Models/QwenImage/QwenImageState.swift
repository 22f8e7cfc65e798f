package import Diffusion
internal import Layers
package import Tensors

extension QwenImage.Transformer {
    /// What runs from block to block.
    package struct State {
        package var streams: JointStreams
        /// SiLU of the embedded timestep, `[batch, width]`.
        package var conditioning: Tensor
        /// What is added to the scores of the text's tokens, `[batch, 1, 1, textTokens]`; nil if none is padding.
        var textMask: Tensor?
        /// How the image's tokens are modulated; nil for all as the text's.
        var kinds: TokenKinds?
        /// The image's first tokens, which a prediction is made of; those of reference images follow.
        let predicted: Int
    }

    /// Tokens of two kinds: those that are made, and those of reference images, which are free of noise.
    struct TokenKinds {
        /// SiLU of the embedded timestep and of time 0, `[batch, 2, width]`.
        var conditioning: Tensor
        /// The row of each token there, `[tokens]`.
        var rows: Tensor
    }
}

extension QwenImage.Transformer.State: TransformerState {
    package func tokenStreams() throws(TensorError) -> [Tensor] { try streams.tokenStreams() }
    package mutating func add(_ changes: [Tensor]) throws(TensorError) { try streams.add(changes) }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        try streams.mapTokens(map)
        textMask = try textMask.map { mask throws(TensorError) in try map(mask, 3, 1) }
        if let rows = kinds?.rows { kinds?.rows = try map(rows, 0, 0) }
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        try streams.mapTensors(map)
        conditioning = try map(conditioning)
        textMask = try textMask.map { mask throws(TensorError) in try map(mask) }
        kinds = try kinds.map { kinds throws(TensorError) in
            .init(conditioning: try map(kinds.conditioning), rows: try map(kinds.rows))
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
