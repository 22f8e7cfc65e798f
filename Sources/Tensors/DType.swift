internal import CTorch

/// The type of a tensor's numbers, under safetensors' and torch's common names.
package enum DType: String, CaseIterable, Sendable, Codable {
    case float64, float32, float16, bfloat16
    case float8E4M3 = "float8_e4m3fn"
    case float8E5M2 = "float8_e5m2"
    case int64, int32, int16, int8, uint8, bool

    /// Bytes of one number.
    package var size: Int {
        switch self {
        case .float64, .int64: 8
        case .float32, .int32: 4
        case .float16, .bfloat16, .int16: 2
        case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
        }
    }

    /// Whether a model's weights and activations may have this type.
    package var isFloatingPoint: Bool {
        switch self {
        case .float64, .float32, .float16, .bfloat16, .float8E4M3, .float8E5M2: true
        case .int64, .int32, .int16, .int8, .uint8, .bool: false
        }
    }

    /// Whether products of this type may be made in 32-bit floats on this machine's processor, with the memory that takes.
    package var mayBeConvertedForProducts: Bool { ct_may_convert_products(code) }

    /// The largest copy that a product of this type may make of a weight on this machine's processor, in bytes.
    ///
    /// - Parameters:
    ///   - outputs: rows of the weight
    ///   - inputs: columns of the weight
    ///   - isQuantized: whether the weight is in few bits
    /// - Returns: that of some rows, in the type in which they are multiplied; none if they are multiplied as they are
    package func weightCopyBytes(outputs: Int, inputs: Int, isQuantized: Bool = false) -> Int {
        Int(ct_weight_copy_bytes(code, Int64(outputs), Int64(inputs), isQuantized))
    }

    /// The type of a tensor's numbers.
    ///
    /// - Parameters:
    ///   - handle: the tensor's
    ///   - operation: what made it, for the error
    /// - Throws: ``TensorError`` where it is none of ours, as of complex numbers
    init(of handle: ct_tensor, in operation: StaticString) throws(TensorError) {
        var code = CT_FLOAT32
        guard ct_dtype_of(handle, &code) == 0 else { throw TensorError.ofThisThread(in: operation) }
        try self.init(code: code.rawValue)
    }

    /// The type that the shim has a code for.
    ///
    /// - Parameter code: the number of a `ct_dtype`
    /// - Throws: ``TensorError`` where it stands for no type
    package init(code: UInt32) throws(TensorError) {
        switch ct_dtype(rawValue: code) {
        case CT_FLOAT64: self = .float64
        case CT_FLOAT32: self = .float32
        case CT_FLOAT16: self = .float16
        case CT_BFLOAT16: self = .bfloat16
        case CT_FLOAT8_E4M3: self = .float8E4M3
        case CT_FLOAT8_E5M2: self = .float8E5M2
        case CT_INT64: self = .int64
        case CT_INT32: self = .int32
        case CT_INT16: self = .int16
        case CT_INT8: self = .int8
        case CT_UINT8: self = .uint8
        case CT_BOOL: self = .bool
        default: throw TensorError(operation: "dtype", message: "unknown dtype code \(code)", kind: .other)
        }
    }

    var code: ct_dtype {
        switch self {
        case .float64: CT_FLOAT64
        case .float32: CT_FLOAT32
        case .float16: CT_FLOAT16
        case .bfloat16: CT_BFLOAT16
        case .float8E4M3: CT_FLOAT8_E4M3
        case .float8E5M2: CT_FLOAT8_E5M2
        case .int64: CT_INT64
        case .int32: CT_INT32
        case .int16: CT_INT16
        case .int8: CT_INT8
        case .uint8: CT_UINT8
        case .bool: CT_BOOL
        }
    }
}
