package import Layers
package import Tensors

/// A tensor of a golden, as bytes.
package struct GoldenTensor: Sendable {
    package let name: String
    package let shape: [Int]
    package let dtype: SafetensorsDtype
    package let bytes: [UInt8]

    package init(name: String, shape: [Int], dtype: SafetensorsDtype, bytes: [UInt8]) {
        (self.name, self.shape, self.dtype, self.bytes) = (name, shape, dtype, bytes)
    }

    /// The numbers, whatever their type.
    package var doubles: [Double] {
        switch dtype {
        case .float64: elements(Double.self)
        case .float32: elements(Float.self).map(Double.init)
        case .float16: elements(Float16.self).map(Double.init)
        case .bfloat16: elements(UInt16.self).map { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .int64: elements(Int64.self).map(Double.init)
        case .int32: elements(Int32.self).map(Double.init)
        default: bytes.map(Double.init)
        }
    }

    /// The numbers in 32-bit floats.
    package var floats: [Float] { doubles.map { Float($0) } }

    /// Rows of token ids, of a matrix.
    package var rows: [[Int32]] {
        let width = shape.last ?? 1
        let values = doubles.map { Int32($0) }
        return stride(from: 0, to: values.count, by: max(width, 1)).map { Array(values[$0..<$0 + width]) }
    }

    /// The tensor itself, in its own type.
    ///
    /// - Returns: a tensor on the CPU
    package func onDevice() throws(TensorError) -> Tensor {
        guard let dtype = DType(dtype) else { preconditionFailure("LibTorch has no \(dtype)") }
        var result: Result<Tensor, TensorError>?
        bytes.withUnsafeBytes { memory in
            result = Result { () throws(TensorError) in try Tensor(bytes: memory, dtype, shape: shape) }
        }
        guard let result else { preconditionFailure("no memory") }
        return try result.get()
    }

    private func elements<Element: BitwiseCopyable>(_ type: Element.Type) -> [Element] {
        bytes.withUnsafeBytes { memory in
            stride(from: 0, to: memory.count, by: MemoryLayout<Element>.size).map {
                memory.loadUnaligned(fromByteOffset: $0, as: type)
            }
        }
    }
}
