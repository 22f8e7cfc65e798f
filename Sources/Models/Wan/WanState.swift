package import Diffusion
internal import Layers
package import Tensors

extension Wan.Transformer.State: TransformerState {
    package var marks: [Int] { [grid.frames, grid.rows, grid.columns] }
    package func tokenStreams() -> [Tensor] { [tokens] }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) { tokens = try tokens + changes[0] }

    /// Modulation that differs between groups of tokens is spread over the tokens first.
    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let count = tokens.size(1)
        tokens = try map(tokens, 1, 0)
        rotary = try rotary.mapped { table throws(TensorError) in try map(table, 0, 0) }
        guard modulation.size(1) > 1 else { return }
        modulation = try map(modulation.repeated(count / modulation.size(1), axis: 1), 1, 0)
        timesteps = try map(timesteps.repeated(count / timesteps.size(1), axis: 1), 1, 0)
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        (tokens, modulation, timesteps) = (try map(tokens), try map(modulation), try map(timesteps))
        rotary = try rotary.mapped(map)
        context = try context.mapped(map)
    }
}
