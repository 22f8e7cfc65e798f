internal import Tensors

/// How the input of a product with a quantised weight is rounded.
enum InputRounding: Equatable {
    /// Not at all.
    case none
    case e4m3(E4M3Tokens.Scales)
    /// To E2M1 with scales on one scale; nil is that of each item of a batch.
    case e2m1(scale: Double?)
    /// To 8-bit integers on one scale; nil is that of each token.
    case int8(scale: Double?)

    /// How inputs are rounded whose scales come with them.
    init(dynamic algorithm: QuantAlgorithm) {
        self =
            switch algorithm {
            case .fp8: .e4m3(.item)
            case .fp8Rows: .e4m3(.token)
            case .fp8Blocks: .e4m3(.block)
            case .nvfp4: .e2m1(scale: nil)
            case .int8: .int8(scale: nil)
            }
    }

    /// - Parameter x: `[…, width]`
    /// - Returns: the same shape and type
    func callAsFunction(_ x: Tensor) throws(TensorError) -> Tensor {
        switch self {
        case .none: x
        case .e4m3(.item): try roundE4M3(x)
        case .e4m3(.token): try roundE4M3(x, part: x.shape.last)
        case .e4m3(.block): try roundE4M3(x, part: QuantizedWeight.block)
        case .e4m3(.one(let scale)): try roundE4M3(x, scale: scale)
        case .e2m1(let scale): try roundE2M1(x, scale: scale)
        case .int8(let scale): try roundInt8(x, scale: scale, part: x.shape.last)
        }
    }
}
