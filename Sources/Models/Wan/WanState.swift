package import Diffusion
internal import Layers
package import Tensors

extension Wan.Transformer.State: TransformerState {
    package func tokenStreams() -> [Tensor] { [tokens] }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) { tokens = try tokens + changes[0] }

    /// Modulation that differs between groups of tokens is spread over the tokens first.
    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let count = tokens.size(1)
        tokens = try map(tokens, 1, 0)
        rotary = try rotary.mapped { table throws(TensorError) in try map(table, 0, 0) }
        guard modulation.size(1) > 1 else { return }
        modulation = try map(spread(modulation, over: count), 1, 0)
        timesteps = try map(spread(timesteps, over: count), 1, 0)
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        (tokens, modulation, timesteps) = (try map(tokens), try map(modulation), try map(timesteps))
        rotary = try rotary.mapped(map)
        context = try context.mapped(map)
    }

    /// `[batch, groups, …]` with each group's entry once for each of its tokens, `[batch, tokens, …]`.
    private func spread(_ x: Tensor, over count: Int) throws(TensorError) -> Tensor {
        let (groups, rest) = (x.size(1), Array(x.shape.dropFirst(2)))
        let (head, width) = (x.size(0), rest.reduce(1, *))
        return try x.reshaped(head, groups, 1, width).expanded(head, groups, count / groups, width)
            .reshaped([head, count] + rest)
    }
}
