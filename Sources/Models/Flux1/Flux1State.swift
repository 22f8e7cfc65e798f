package import Diffusion
internal import Layers
package import Tensors

extension Flux1.Transformer.State: TransformerState {
    package func tokenStreams() throws(TensorError) -> [Tensor] {
        switch streams {
        case .double(let text, let image): [image, text]
        case .single(let joint): [try image(), try joint.slice(0..<textTokens, axis: 1)]
        case .image(let image): [image]
        }
    }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) {
        if case .image(let image) = streams {
            streams = .image(try image + changes[0])
            return
        }
        let tokens = try tokenStreams()
        streams = .double(
            text: changes.count > 1 ? try tokens[1] + changes[1] : tokens[1], image: try tokens[0] + changes[0])
    }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let tables = try rotary.split(at: textTokens)
        let textTables = try tables.0.mapped { table throws(TensorError) in try map(table, 0, 1) }
        let imageTables = try tables.1.mapped { table throws(TensorError) in try map(table, 0, 0) }
        switch streams {
        case .double(let text, let image):
            streams = .double(text: try map(text, 1, 1), image: try map(image, 1, 0))
        case .single(let joint):
            let text = try map(joint.slice(0..<textTokens, axis: 1), 1, 1)
            streams = .single(try concatenate([text, map(image(), 1, 0)], axis: 1))
        case .image(let image): streams = .image(try map(image, 1, 0))
        }
        (textTokens, rotary) = (textTables.cosine.size(0), try textTables.joined(imageTables))
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        switch streams {
        case .double(let text, let image): streams = .double(text: try map(text), image: try map(image))
        case .single(let joint): streams = .single(try map(joint))
        case .image(let image): streams = .image(try map(image))
        }
        (conditioning, rotary) = (try map(conditioning), try rotary.mapped(map))
    }
}

extension Flux1.Transformer.State {
    /// Text and image in one sequence, before the last block.
    func joined() throws(TensorError) -> Tensor {
        switch streams {
        case .double(let text, let image): try concatenate([text, image], axis: 1)
        case .single(let joint), .image(let joint): joint
        }
    }

    /// The image's tokens.
    func image() throws(TensorError) -> Tensor {
        switch streams {
        case .double(_, let image), .image(let image): image
        case .single(let joint): try joint.slice(textTokens..<joint.size(1), axis: 1).contiguous()
        }
    }
}
