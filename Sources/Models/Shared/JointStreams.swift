package import Diffusion
internal import Layers
package import Tensors

/// Text and image as the blocks of FLUX models hold them: first apart, then in one sequence, the text before the image.
package struct JointStreams: TransformerState {
    /// The tokens, each `[batch, tokens, width]`.
    package enum Tokens {
        case double(text: Tensor, image: Tensor)
        case single(Tensor)
        /// The image alone, after the last block: nothing reads the text any more.
        case image(Tensor)
    }

    package var tokens: Tokens
    /// The tables of text and image.
    private(set) var rotary: RotaryEmbedding
    private(set) var textTokens: Int

    init(text: Tensor, image: Tensor, _ rotary: RotaryEmbedding) {
        (tokens, self.rotary, textTokens) = (.double(text: text, image: image), rotary, text.size(1))
    }

    /// Text and image in one sequence, before the last block.
    func joined() throws(TensorError) -> Tensor {
        switch tokens {
        case .double(let text, let image): try concatenate([text, image], axis: 1)
        case .single(let joint), .image(let joint): joint
        }
    }

    /// The image's tokens.
    func image() throws(TensorError) -> Tensor {
        switch tokens {
        case .double(_, let image), .image(let image): image
        case .single(let joint): try joint.slice(textTokens..<joint.size(1), axis: 1).contiguous()
        }
    }

    package func tokenStreams() throws(TensorError) -> [Tensor] {
        switch tokens {
        case .double(let text, let image): [image, text]
        case .single(let joint): [try image(), try joint.slice(0..<textTokens, axis: 1)]
        case .image(let image): [image]
        }
    }

    package mutating func add(_ changes: [Tensor]) throws(TensorError) {
        if case .image(let image) = tokens {
            tokens = .image(try image + changes[0])
            return
        }
        let streams = try tokenStreams()
        tokens = .double(
            text: changes.count > 1 ? try streams[1] + changes[1] : streams[1], image: try streams[0] + changes[0])
    }

    package mutating func mapTokens(_ map: TokenMap) throws(TensorError) {
        let tables = try rotary.split(at: textTokens)
        let textTables = try tables.0.mapped { table throws(TensorError) in try map(table, 0, 1) }
        let imageTables = try tables.1.mapped { table throws(TensorError) in try map(table, 0, 0) }
        switch tokens {
        case .double(let text, let image):
            tokens = .double(text: try map(text, 1, 1), image: try map(image, 1, 0))
        case .single(let joint):
            let text = try map(joint.slice(0..<textTokens, axis: 1), 1, 1)
            tokens = .single(try concatenate([text, map(image(), 1, 0)], axis: 1))
        case .image(let image): tokens = .image(try map(image, 1, 0))
        }
        (textTokens, rotary) = (textTables.cosine.size(0), try textTables.joined(imageTables))
    }

    package mutating func mapTensors(_ map: (Tensor) throws(TensorError) -> Tensor) throws(TensorError) {
        switch tokens {
        case .double(let text, let image): tokens = .double(text: try map(text), image: try map(image))
        case .single(let joint): tokens = .single(try map(joint))
        case .image(let image): tokens = .image(try map(image))
        }
        rotary = try rotary.mapped(map)
    }
}
