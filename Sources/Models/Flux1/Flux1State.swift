package import Diffusion
internal import Layers
package import Tensors

extension Flux1.Transformer.State: TransformerState {
    package func tokenStreams() throws(TensorError) -> [Tensor] {
        switch streams {
        case .double(let text, let picture): [picture, text]
        case .single(let joint): [try picture(), try joint.slice(0..<textTokens, axis: 1)]
        case .picture(let picture): [picture]
        }
    }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) {
        if case .picture(let picture) = streams {
            streams = .picture(try picture + changes[0])
            return
        }
        let tokens = try tokenStreams()
        streams = .double(
            text: changes.count > 1 ? try tokens[1] + changes[1] : tokens[1], picture: try tokens[0] + changes[0])
    }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let tables = try rotary.split(at: textTokens)
        let textTables = try tables.0.mapped { table throws(TensorError) in try map(table, 0, 1) }
        let pictureTables = try tables.1.mapped { table throws(TensorError) in try map(table, 0, 0) }
        switch streams {
        case .double(let text, let picture):
            streams = .double(text: try map(text, 1, 1), picture: try map(picture, 1, 0))
        case .single(let joint):
            let text = try map(joint.slice(0..<textTokens, axis: 1), 1, 1)
            streams = .single(try concatenate([text, map(picture(), 1, 0)], axis: 1))
        case .picture(let picture): streams = .picture(try map(picture, 1, 0))
        }
        (textTokens, rotary) = (textTables.cosine.size(0), try textTables.joined(pictureTables))
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        switch streams {
        case .double(let text, let picture): streams = .double(text: try map(text), picture: try map(picture))
        case .single(let joint): streams = .single(try map(joint))
        case .picture(let picture): streams = .picture(try map(picture))
        }
        (conditioning, rotary) = (try map(conditioning), try rotary.mapped(map))
    }
}

extension Flux1.Transformer.State {
    /// Text and picture in one sequence, before the last block.
    func joined() throws(TensorError) -> Tensor {
        switch streams {
        case .double(let text, let picture): try concatenate([text, picture], axis: 1)
        case .single(let joint), .picture(let joint): joint
        }
    }

    /// The picture's tokens.
    func picture() throws(TensorError) -> Tensor {
        switch streams {
        case .double(_, let picture), .picture(let picture): picture
        case .single(let joint): try joint.slice(textTokens..<joint.size(1), axis: 1).contiguous()
        }
    }
}
