/// How the weights of linear layers and the inputs of their products are quantised, by the names of TensorRT-LLM.
package enum QuantAlgorithm: String, Sendable, Codable, CaseIterable {
    /// E4M3 with one scale for a weight and one for an input.
    case fp8 = "FP8"
    /// E4M3 with a scale for each row of a weight and each token.
    case fp8Rows = "FP8_PER_CHANNEL_PER_TOKEN"
    /// E4M3 with a scale for each 128 × 128 numbers of a weight and each 128 numbers of a token.
    case fp8Blocks = "FP8_BLOCK_SCALES"
    /// E2M1 with a scale for each 16 numbers of a row, and one for those.
    case nvfp4 = "NVFP4"
    /// 8-bit integers with a scale for each row of a weight and each token.
    case int8 = "W8A8_SQ_PER_CHANNEL"
}

extension QuantAlgorithm {
    /// Numbers of a row that share a scale; nil for as many as there are.
    var groupSize: Int? {
        switch self {
        case .fp8Blocks: QuantizedWeight.block
        case .nvfp4: QuantizedWeight.group
        case .fp8, .fp8Rows, .int8: nil
        }
    }

    /// Bytes of a quantised weight and its scales.
    ///
    /// - Parameters:
    ///   - to: width of the output
    ///   - from: width of the input
    func bytes(to: Int, from: Int) -> Int {
        switch self {
        case .fp8: to * from + 4
        case .fp8Rows, .int8: to * from + 4 * to
        case .fp8Blocks: to * from + 4 * QuantizedWeight.blocks(to) * QuantizedWeight.blocks(from)
        case .nvfp4: to * from / 2 + to * from / QuantizedWeight.group
        }
    }
}
