package import Diffusion
internal import Layers
package import Tensors

extension Cosmos3.Transformer.State: TransformerState {
    package var marks: [Int] { size + [heldFrames, soundTokens] }

    /// The tokens of video and sound, then the prompt's keys, which blocks read and do not change.
    package func tokenStreams() throws(TensorError) -> [Tensor] {
        [tokens] + text.keys.prefix(1).map(\.values)
    }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) { tokens = try tokens + changes[0] }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        try mapLastTokens(map)
        let axis = rotary.cosine.shape.count - 2
        rotary = try rotary.mapped { table throws(TensorError) in try map(table, axis, 0) }
        for layer in text.keys.indices {
            text.keys[layer].keys = try map(text.keys[layer].keys, 1, 1)
            text.keys[layer].values = try map(text.keys[layer].values, 1, 1)
        }
        text.mask = try text.mask.map { mask throws(TensorError) in try map(mask, 3, 1) }
    }

    package mutating func mapLastTokens(_ map: TokenMap) throws(TensorError) { tokens = try map(tokens, 1, 0) }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        (tokens, time, rotary) = (try map(tokens), try map(time), try rotary.mapped(map))
        for layer in text.keys.indices {
            text.keys[layer].keys = try map(text.keys[layer].keys)
            text.keys[layer].values = try map(text.keys[layer].values)
        }
        text.mask = try text.mask.map { mask throws(TensorError) in try map(mask) }
    }
}

extension Cosmos3.Transformer.State {
    /// What is added to the scores of all keys, `[batch, 1, 1, textTokens + tokens]`; nil if none is padding.
    func mask() throws(TensorError) -> Tensor? {
        guard let mask = text.mask else { return nil }
        let shape = [mask.size(0), 1, 1, tokens.size(1)]
        return try concatenate([mask, .full(0, shape, mask.dtype, on: mask.device)], axis: 3)
    }
}
