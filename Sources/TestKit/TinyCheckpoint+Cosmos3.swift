internal import Layers

extension TinyCheckpoint {
    /// Copies Cosmos3's checkpoint, with zeros behind the numbers inside its feed-forwards until rows are a multiple of 16, as
    /// NVFP4 needs them: it makes what the other makes.
    ///
    /// - Returns: the copy
    /// - Throws: an error of the file system or ``SafetensorsError``
    package static func wideCosmos3() throws -> TinyCheckpoint {
        let copy = try TinyCheckpoint(copying: "cosmos3-tiny")
        let (narrow, wide) = (44, 48)
        try copy.editJSON("transformer/config.json") { $0["intermediate_size"] = wide }
        try copy.rewriteTensors(of: "transformer") { tensors in
            tensors = tensors.map { tensor in
                guard tensor.name.contains(".mlp") else { return tensor }
                let zeros = [UInt8](repeating: 0, count: (wide - narrow) * tensor.bytes.count / narrow)
                if tensor.shape[0] == narrow {
                    return .init(
                        name: tensor.name, dtype: tensor.dtype, shape: [wide, tensor.shape[1]],
                        bytes: tensor.bytes + zeros)
                }
                let (rows, old) = (tensor.shape[0], tensor.bytes.count / tensor.shape[0])
                return .init(
                    name: tensor.name, dtype: tensor.dtype, shape: [rows, wide],
                    bytes: (0..<rows).flatMap {
                        tensor.bytes[$0 * old..<($0 + 1) * old] + zeros.prefix(zeros.count / rows)
                    })
            }
        }
        return copy
    }
}
