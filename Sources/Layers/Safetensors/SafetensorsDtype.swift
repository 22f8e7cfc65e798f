/// The type of a tensor's elements, as a safetensors header spells it.
///
/// Types of the format that are missing here (complex numbers, the floats of 4 and 6 bits, the scale type F8_E8M0) are
/// refused by name when a file is opened.
package enum SafetensorsDtype: String, CaseIterable, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float8E4M3 = "F8_E4M3"
    case float8E5M2 = "F8_E5M2"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// How many bytes one element takes.
    package var byteSize: Int {
        switch self {
        case .float64, .int64, .uint64: 8
        case .float32, .int32, .uint32: 4
        case .float16, .bfloat16, .int16, .uint16: 2
        case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
        }
    }

    /// How many bytes a tensor of this shape takes, or nil where the number does not fit an `Int`.
    ///
    /// A shape whose sizes other than 0 overflow is refused even if it holds a 0: its strides could not be computed.
    package func byteCount(shape: [Int]) -> Int? {
        var count = byteSize
        for size in shape where size != 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            if overflow || size < 0 { return nil }
            count = product
        }
        return shape.contains(0) ? 0 : count
    }
}
