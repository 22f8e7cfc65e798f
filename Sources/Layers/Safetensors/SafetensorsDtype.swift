/// The type of a tensor's elements, as a safetensors header spells it.
package enum SafetensorsDtype: String, CaseIterable, Sendable {
    case float64 = "F64"
    case float32 = "F32"
    case float16 = "F16"
    case bfloat16 = "BF16"
    case float8E4M3 = "F8_E4M3"
    case float8E5M2 = "F8_E5M2"
    case float8E4M3FNUZ = "F8_E4M3FNUZ"
    case float8E5M2FNUZ = "F8_E5M2FNUZ"
    /// A power of two, by which blocks of other numbers are scaled.
    case float8E8M0 = "F8_E8M0"
    case float6E2M3 = "F6_E2M3"
    case float6E3M2 = "F6_E3M2"
    case float4 = "F4"
    case complex64 = "C64"
    case int64 = "I64"
    case int32 = "I32"
    case int16 = "I16"
    case int8 = "I8"
    case uint64 = "U64"
    case uint32 = "U32"
    case uint16 = "U16"
    case uint8 = "U8"
    case bool = "BOOL"

    /// How many bits one element takes.
    package var bitSize: Int {
        switch self {
        case .float64, .complex64, .int64, .uint64: 64
        case .float32, .int32, .uint32: 32
        case .float16, .bfloat16, .int16, .uint16: 16
        case .float8E4M3, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0, .int8, .uint8, .bool: 8
        case .float6E2M3, .float6E3M2: 6
        case .float4: 4
        }
    }

    /// How many bytes one element takes, at least one.
    package var byteSize: Int { max(bitSize / 8, 1) }

    /// How many bytes a tensor of this shape takes, or nil where the number does not fit an `Int`.
    ///
    /// A shape whose sizes other than 0 overflow is refused even if it holds a 0: its strides could not be computed.
    package func byteCount(shape: [Int]) -> Int? {
        var count = bitSize
        for size in shape where size != 0 {
            let (product, overflow) = count.multipliedReportingOverflow(by: size)
            if overflow || size < 0 { return nil }
            count = product
        }
        return shape.contains(0) ? 0 : (count + 7) / 8
    }

    /// Whether the elements of a tensor of this shape end with a byte's end.
    package func fillsBytes(shape: [Int]) -> Bool {
        // Of a product that overflows, the lowest bits are right.
        shape.reduce(bitSize, &*).isMultiple(of: 8)
    }
}
