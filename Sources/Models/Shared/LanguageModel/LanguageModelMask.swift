internal import Layers
internal import Tensors

/// Which tokens a token may see: itself and those before it, within a window, but no padding.
///
/// A token that may see none, as padding before a text, gets nothing from attention.
struct LanguageModelMask {
    /// For each text 1 for its tokens, 0 for padding; one row serves all texts without padding.
    private let owned: [[Int32]]
    private let tokens: Int

    /// - Parameters:
    ///   - owned: for each text 1 for its tokens, 0 for padding
    ///   - tokens: length of each
    init(_ owned: [[Int32]], tokens: Int) {
        let hasPadding = owned.contains { $0.contains(0) }
        self.owned = hasPadding ? owned : [Array(repeating: 1, count: tokens)]
        self.tokens = tokens
    }

    /// - Parameters:
    ///   - window: how many tokens a token sees, itself included; nil for all before it
    ///   - dtype: the model's type
    ///   - device: where the mask goes
    /// - Returns: what is added to the scores, `[texts or 1, 1, tokens, tokens]`
    func callAsFunction(window: Int?, _ dtype: DType, on device: Device) throws(TensorError) -> Tensor {
        var values = [Float](repeating: -.infinity, count: owned.count * tokens * tokens)
        for (text, row) in owned.enumerated() {
            for query in 0..<tokens {
                let start = (text * tokens + query) * tokens
                for key in max(0, query + 1 - (window ?? tokens))...query where row[key] != 0 {
                    values[start + key] = 0
                }
            }
        }
        return try Tensor(values, shape: [owned.count, 1, tokens, tokens], on: device).to(dtype)
    }
}
