// Weights of linear layers in few bits, and inputs rounded as their products take them. The formulas are ModelOpt's.

/// E4M3 with a scale for each block of a weight: its largest magnitude over 448.
///
/// - Parameters:
///   - weight: `[to, from]`
///   - rows: of a block; at the lower edge there may be fewer
///   - columns: of a block; at the right edge there may be fewer
/// - Returns: `[to, from]`, and scales `[⌈to / rows⌉, ⌈from / columns⌉]` in 32-bit floats
package func quantizeE4M3(_ weight: Tensor, rows: Int, columns: Int) throws(TensorError) -> (
    codes: Tensor, scales: Tensor
) {
    let (codes, scales) = try callForTwo("quantize_e4m3", weight, rows, columns)
    return (codes, scales)
}

/// 8-bit integers with a scale for each row of a weight: its largest magnitude over 127.
///
/// - Parameter weight: `[to, from]`
/// - Returns: `[to, from]`, and scales `[to, 1]` in 32-bit floats
package func quantizeInt8(_ weight: Tensor) throws(TensorError) -> (codes: Tensor, scales: Tensor) {
    let (codes, scales) = try callForTwo("quantize_int8", weight)
    return (codes, scales)
}

/// E2M1 with an E4M3 scale for each 16 numbers of a row.
///
/// - Parameters:
///   - weight: `[to, from]`, `from` a multiple of 16
///   - scale: what scales those scales: the largest magnitude over 2688
/// - Returns: two codes a byte, the first one in the low half, `[to, from / 2]`, and scales `[to, from / 16]`
package func quantizeE2M1(_ weight: Tensor, scale: Double) throws(TensorError) -> (codes: Tensor, scales: Tensor) {
    let (codes, scales) = try callForTwo("quantize_e2m1", weight, scale)
    return (codes, scales)
}

/// What no quantised weight has.
package enum QuantizedWeightFault: Int {
    /// A code that is no number.
    case code = 1
    /// A scale of 16 codes that is no number, or below zero.
    case scale
    /// A scale of zero for 16 codes that are not all zero.
    case zeroScale
}

/// Looks for what no quantised weight has.
///
/// - Parameters:
///   - codes: as the functions above give them
///   - scales: likewise; those in 32-bit floats are not looked at
/// - Returns: nil if nothing is wrong
package func fault(ofQuantized codes: Tensor, scales: Tensor) throws(TensorError) -> QuantizedWeightFault? {
    QuantizedWeightFault(rawValue: Int(try call("fault_of_quantized", codes, scales).floats()[0]))
}

/// The largest magnitude of a weight's numbers; NaN if one of them is.
///
/// - Parameter weight: `[to, from]`
/// - Returns: the magnitude
package func largestMagnitude(_ weight: Tensor) throws(TensorError) -> Float {
    try call("largest_magnitude", weight).floats()[0]
}

/// What a quantised weight stands for; its types and shapes say how it is quantised.
///
/// - Parameters:
///   - codes: as the functions above give them
///   - scales: likewise
///   - scale: of the scales; 1 if there is none
///   - dtype: of the result
/// - Returns: `[to, from]`
package func dequantize(codes: Tensor, scales: Tensor, scale: Double, as dtype: DType) throws(TensorError) -> Tensor {
    try call("dequantize", codes, scales, scale, dtype)
}

/// x · weightᵀ + bias with a quantised weight, without a copy of it in floats.
///
/// - Parameters:
///   - x: `[…, from]`
///   - codes: as the functions above give them
///   - scales: likewise
///   - scale: of the scales; 1 if there is none
///   - bias: `[to]`
/// - Returns: `[…, to]`
package func quantizedLinear(_ x: Tensor, codes: Tensor, scales: Tensor, scale: Double, bias: Tensor?)
    throws(TensorError) -> Tensor
{
    try call("quantized_linear", x, codes, scales, scale, bias)
}

/// x · weightᵀ + bias in 8-bit integers, which both are rounded to.
///
/// - Parameters:
///   - x: `[…, from]`
///   - codes: of the weight, `[to, from]`
///   - scales: of its rows, `[to, 1]`
///   - inputScale: what the integers of `x` count; nil for a scale of each token, its largest magnitude over 127
///   - bias: `[to]`
/// - Returns: `[…, to]`
package func int8Linear(_ x: Tensor, codes: Tensor, scales: Tensor, inputScale: Double?, bias: Tensor?)
    throws(TensorError) -> Tensor
{
    try call("linear_int8", x, codes, scales, inputScale ?? 0, bias)
}

/// The nearest numbers that E4M3 has on a scale.
///
/// - Parameters:
///   - x: `[…, width]`
///   - scale: nil for one of the largest number of each part
///   - part: how many numbers of a row have a scale; nil for all of an item of a batch
/// - Returns: the same shape and type
package func roundE4M3(_ x: Tensor, scale: Double? = nil, part: Int? = nil) throws(TensorError) -> Tensor {
    try call("round_e4m3", x, part ?? 0, scale ?? 0)
}

/// The nearest numbers that 8-bit integers have on a scale, from -128 to 127 times that.
///
/// - Parameters: as ``roundE4M3(_:scale:part:)``
/// - Returns: the same shape and type
package func roundInt8(_ x: Tensor, scale: Double? = nil, part: Int? = nil) throws(TensorError) -> Tensor {
    try call("round_int8", x, part ?? 0, scale ?? 0)
}

/// The nearest numbers that E2M1 has, with an E4M3 scale for each 16 numbers of a row.
///
/// - Parameters:
///   - x: `[…, width]`, a multiple of 16
///   - scale: of those scales; nil for one of the largest number of each item of a batch
/// - Returns: the same shape and type
package func roundE2M1(_ x: Tensor, scale: Double? = nil) throws(TensorError) -> Tensor {
    try call("round_e2m1", x, scale ?? 0)
}

/// Attention whose values are E4M3 and whose queries and keys may be in 8 bits too, in a form that can be joined with
/// attention to other keys.
///
/// - Parameters:
///   - query: `[batch, heads, tokens, width]`
///   - key: `[batch, heads, keys, width]`
///   - value: `[batch, heads, keys, width]`
///   - scale: usually one over the root of the width
///   - codes: what queries and keys are rounded to, `int8` or `float8E4M3`; `bfloat16` leaves them as they are
///   - keyBlock: how many keys share a scale, where they are rounded
///   - valueChannels: whether values have a scale for each channel of a head, rather than one for each item of the batch
/// - Returns: `[batch, heads, tokens, width]`, and log Σ exp(score) of each token, `[batch, heads, tokens]` in 32-bit floats
package func quantizedAttention(
    _ query: Tensor, _ key: Tensor, _ value: Tensor, scale: Double, codes: DType, keyBlock: Int, valueChannels: Bool
) throws(TensorError) -> (result: Tensor, logSumExp: Tensor) {
    try callForTwo("quantized_attention", query, key, value, scale, codes, keyBlock, valueChannels)
}
