internal import CTorch

extension Tensor {
    /// A tensor whose numbers are not set yet.
    ///
    /// - Parameters:
    ///   - shape: the length of every axis
    ///   - dtype: the type of the numbers
    ///   - device: where they live
    /// - Returns: a tensor of any numbers
    package static func empty(_ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu) throws(TensorError)
        -> Tensor
    {
        try Tensor("empty", ct_empty(shape.int64, shape.count, dtype.code, device.index))
    }

    /// A tensor of one number everywhere.
    ///
    /// - Parameters:
    ///   - value: the number
    ///   - shape: the length of every axis
    ///   - dtype: the type of the numbers
    ///   - device: where they live
    /// - Returns: the tensor
    package static func full(
        _ value: Double, _ shape: [Int], _ dtype: DType = .float32, on device: Device = .cpu
    ) throws(TensorError) -> Tensor {
        try Tensor("full", ct_full(shape.int64, shape.count, value, dtype.code, device.index))
    }

    /// The numbers 0, 1, … up to but without `end`, `[end]`.
    ///
    /// - Parameters:
    ///   - end: how many
    ///   - dtype: the type of the numbers
    ///   - device: where they live
    /// - Returns: the tensor
    package static func range(_ end: Int, _ dtype: DType = .float32, on device: Device = .cpu) throws(TensorError)
        -> Tensor
    {
        try Tensor("arange", ct_arange(0, Double(end), 1, dtype.code, device.index))
    }

    /// Copies 32-bit floats to a device.
    ///
    /// - Parameters:
    ///   - values: the numbers, last axis innermost
    ///   - shape: the length of every axis; their product is the count of the values
    ///   - device: where they go
    package init(_ values: [Float], shape: [Int], on device: Device = .cpu) throws(TensorError) {
        try self.init(copying: values, .float32, shape: shape, on: device)
    }

    /// Copies 64-bit floats to a device.
    ///
    /// - Parameters:
    ///   - values: the numbers, last axis innermost
    ///   - shape: the length of every axis; their product is the count of the values
    ///   - device: where they go
    package init(_ values: [Double], shape: [Int], on device: Device = .cpu) throws(TensorError) {
        try self.init(copying: values, .float64, shape: shape, on: device)
    }

    /// Copies token ids to a device, where they become 64-bit integers.
    ///
    /// - Parameters:
    ///   - values: the ids, last axis innermost
    ///   - shape: the length of every axis; their product is the count of the values
    ///   - device: where they go
    package init(_ values: [Int32], shape: [Int], on device: Device = .cpu) throws(TensorError) {
        try self.init(copying: values.map(Int64.init), .int64, shape: shape, on: device)
    }

    private init<Element>(copying values: [Element], _ dtype: DType, shape: [Int], on device: Device)
        throws(TensorError)
    {
        precondition(shape.reduce(1, *) == values.count, "\(values.count) values for shape \(shape)")
        let handle = values.withUnsafeBytes { bytes in
            Self.copied(bytes, dtype, shape, device)
        }
        try self.init("from_host", handle)
    }

    /// Copies raw bytes, in the machine's order, to a device.
    ///
    /// - Parameters:
    ///   - bytes: `shape`'s product times `dtype`'s size bytes, at any address
    ///   - dtype: the type of the numbers
    ///   - shape: the length of every axis
    ///   - device: where they go
    package init(bytes: UnsafeRawBufferPointer, _ dtype: DType, shape: [Int], on device: Device = .cpu)
        throws(TensorError)
    {
        precondition(shape.reduce(1, *) * dtype.size == bytes.count, "\(bytes.count) bytes for shape \(shape)")
        try self.init("from_host", Self.copied(bytes, dtype, shape, device))
    }

    /// An empty buffer has no address, but the shim wants one.
    private static func copied(_ bytes: UnsafeRawBufferPointer, _ dtype: DType, _ shape: [Int], _ device: Device)
        -> ct_tensor?
    {
        withUnsafePointer(to: 0 as UInt8) { none in
            let address = bytes.baseAddress ?? UnsafeRawPointer(none)
            return ct_from_host(address, shape.int64, shape.count, dtype.code, device.index)
        }
    }

    /// Reads a file's bytes to a GPU by several threads, while it fetches what they have read.
    ///
    /// - Parameters:
    ///   - file: the system's number of an open file
    ///   - offset: where in it the numbers begin
    ///   - stored: their type there
    ///   - shape: the length of every axis
    ///   - dtype: the type that they are to have
    ///   - device: a GPU
    package init(
        reading file: Int32, from offset: Int, _ stored: DType, shape: [Int], as dtype: DType, on device: Device
    ) throws(TensorError) {
        try self.init(
            "read",
            ct_read(file, Int64(offset), shape.int64, shape.count, stored.code, dtype.code, device.index))
    }

    /// Wraps memory that something else owns and that must not change, without a copy.
    ///
    /// - Parameters:
    ///   - memory: `shape`'s product times `dtype`'s size bytes, aligned to `dtype`'s size
    ///   - dtype: the type of the numbers
    ///   - shape: the length of every axis
    ///   - owner: what keeps the memory valid; held for as long as any tensor uses it
    package init(borrowing memory: UnsafeRawBufferPointer, _ dtype: DType, shape: [Int], owner: AnyObject)
        throws(TensorError)
    {
        precondition(shape.reduce(1, *) * dtype.size == memory.count, "\(memory.count) bytes for shape \(shape)")
        guard let address = memory.baseAddress else {
            try self.init("empty", ct_empty(shape.int64, shape.count, dtype.code, -1))
            return
        }
        let handle = ct_from_blob(
            UnsafeMutableRawPointer(mutating: address), shape.int64, shape.count, dtype.code,
            { context in if let context { Unmanaged<AnyObject>.fromOpaque(context).release() } },
            Unmanaged.passRetained(owner).toOpaque())
        try self.init("from_blob", handle)
    }
}

extension Tensor {
    /// The same numbers as another type or on another device; the tensor itself when nothing changes.
    ///
    /// - Parameters:
    ///   - dtype: the type wanted, or nil for its own
    ///   - device: the device wanted, or nil for its own
    /// - Returns: the converted tensor
    package func to(_ dtype: DType? = nil, on device: Device? = nil) throws(TensorError) -> Tensor {
        let wanted = (dtype ?? self.dtype, device ?? self.device)
        if wanted == (self.dtype, self.device) { return self }
        return try Tensor("to", ct_to(handle, wanted.0.code, wanted.1.index))
    }

    /// The numbers as 32-bit floats in host memory, last axis innermost.
    ///
    /// - Returns: `count` numbers
    package func floats() throws(TensorError) -> [Float] { try to(.float32).hostArray(filledWith: 0 as Float) }

    /// The numbers as 64-bit integers in host memory, last axis innermost.
    ///
    /// - Returns: `count` numbers
    package func integers() throws(TensorError) -> [Int64] { try to(.int64).hostArray(filledWith: 0 as Int64) }

    /// The numbers as bytes in host memory, last axis innermost; fractions are cut.
    ///
    /// - Returns: `count` numbers
    package func bytes() throws(TensorError) -> [UInt8] { try to(.uint8).hostArray(filledWith: 0 as UInt8) }

    /// The elements as they are stored, in host memory, last axis innermost.
    ///
    /// - Returns: `count` times the type's size bytes
    package func storedBytes() throws(TensorError) -> [UInt8] {
        try hostArray(filledWith: 0 as UInt8, count: count * dtype.size)
    }

    private func hostArray<Element: BitwiseCopyable>(filledWith zero: Element, count: Int? = nil)
        throws(TensorError) -> [Element]
    {
        var values = [Element](repeating: zero, count: count ?? self.count)
        let status = values.withUnsafeMutableBytes { buffer in
            buffer.baseAddress.map { ct_to_host(handle, $0, buffer.count) } ?? 0
        }
        guard status == 0 else { throw TensorError.ofThisThread(in: "to_host") }
        return values
    }
}

extension [Int] {
    var int64: [Int64] { map(Int64.init) }
}
