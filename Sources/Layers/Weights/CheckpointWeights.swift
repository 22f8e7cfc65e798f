package import Tensors

/// The weights of one component's safetensors files, mapped into memory.
///
/// Where the checkpoint's type is the one wanted, on the CPU, a tensor is the file's own pages. Otherwise it is
/// converted one tensor at a time, and the pages read go back to the system. So it is with what LoRA files change. What goes to
/// a GPU as it is is read from the file.
package final class CheckpointWeights: WeightSource {
    /// The files.
    package let checkpoint: SafetensorsCheckpoint
    /// What the checkpoint says of its quantised layers; nil for nothing.
    let record: QuantizationRecord?
    /// Whether any layer has scales: what else is of 8 bits is plain numbers.
    let hasQuantizedLayers: Bool
    /// What LoRA files change.
    let merge: LoRAMerge
    private let location: ComponentPlace
    /// Largest magnitudes of weights that share a scale, by the layers' names.
    private var largest: [[String]: Float] = [:]

    /// Maps a component's files and checks their headers.
    ///
    /// - Parameters:
    ///   - location: where the component lies
    ///   - merge: what LoRA files change
    /// - Throws: ``SafetensorsError`` or ``QuantizationError``
    package init(_ location: ComponentPlace, merging merge: LoRAMerge = LoRAMerge()) throws {
        checkpoint = try location.checkpoint()
        record = try QuantizationRecord.read(location, checkpoint.files)
        hasQuantizedLayers = record != nil || checkpoint.names.contains { $0.hasSuffix(QuantizedPart.scale.rawValue) }
        (self.location, self.merge) = (location, merge)
    }

    /// Maps the files of a component with a folder of its own.
    ///
    /// - Parameters:
    ///   - folder: the component's folder
    ///   - merge: what LoRA files change
    /// - Throws: ``SafetensorsError`` or ``QuantizationError``
    package convenience init(folder: String, merging merge: LoRAMerge = LoRAMerge()) throws {
        try self.init(.folder(folder), merging: merge)
    }

    package var place: String { location.path }

    package var keys: [String] { checkpoint.names }

    package var readsFiles: Bool { true }

    package func contains(_ key: String) -> Bool { checkpoint[key] != nil }

    /// Checks that a tensor can be made, reading none of it.
    ///
    /// - Parameters:
    ///   - key: its full name
    ///   - shape: the shape asked for
    package func check(_ key: String, shape: [Int]) throws(WeightError) { _ = try place(of: key, shape: shape) }

    private func place(of key: String, shape: [Int]) throws(WeightError)
        -> (entry: SafetensorsEntry, file: SafetensorsFile, dtype: DType)
    {
        guard let (entry, file) = checkpoint[key] else {
            if let promise = checkpoint.brokenPromise(of: key) { throw .promised(key, promise) }
            throw .missing(key, in: checkpoint.path)
        }
        guard entry.shape == shape else {
            throw .shape(key, in: file.path, expected: shape, found: entry.shape)
        }
        guard let dtype = DType(entry.dtype), dtype.isFloatingPoint else {
            throw .dtype(key, in: file.path, found: entry.dtype.rawValue)
        }
        return (entry, file, dtype)
    }

    package func tensor(_ key: String, shape: [Int], plan: ComputePlan) throws -> Tensor {
        let (entry, file, dtype) = try place(of: key, shape: shape)
        let isChanged = merge.changes(key)
        if plan.device != .cpu, !isChanged {
            return try Tensor(
                reading: file.mapping.number, from: entry.byteRange.lowerBound, dtype, shape: shape, as: plan.dtype,
                on: plan.device)
        }
        let stored = try stored(key, shape: shape)
        if dtype == plan.dtype, !isChanged { return stored }
        let tensor =
            try isChanged
            ? merge.merged(key, stored, as: plan.dtype, on: plan.device) : stored.to(plan.dtype, on: plan.device)
        file.mapping.advise(.dontNeed, for: entry.byteRange)
        return tensor
    }

    /// A tensor as the file has it, in its pages where these are aligned.
    private func stored(_ key: String, shape: [Int]) throws -> Tensor {
        let (entry, file, dtype) = try place(of: key, shape: shape)
        let bytes = file.bytes(of: entry)
        return entry.isAligned
            ? try Tensor(borrowing: bytes, dtype, shape: shape, owner: file.mapping)
            : try Tensor(bytes: bytes, dtype, shape: shape)
    }

    /// Of a weight that is shared, no more than this device's part is changed, unless whole rows are needed for that.
    package func weight(of site: LinearSite, plan: ComputePlan) throws -> Tensor {
        guard let part = site.part, merge.changes(site.weightKey) else { return try wholeOrCut(site, plan) }
        if part.inputs != nil, merge.needsWholeRows(site.weightKey) { return try wholeOrCut(site, plan) }
        let (entry, file, _) = try place(of: site.weightKey, shape: site.shape)
        let own = try part.cut(stored(site.weightKey, shape: site.shape))
        let merged = try merge.merged(site.weightKey, own, part: part, as: plan.dtype, on: plan.device)
        file.mapping.advise(.dontNeed, for: entry.byteRange)
        return merged
    }

    /// The numbers move, so the file's pages go back to the system here too.
    package func tensor(_ key: String, shape: [Int], permuted axes: [Int], plan: ComputePlan) throws -> Tensor {
        let (entry, file, _) = try place(of: key, shape: shape)
        let tensor = try tensor(key, shape: shape, plan: plan).permuted(axes).contiguous()
        file.mapping.advise(.dontNeed, for: entry.byteRange)
        return tensor
    }

    /// Where weights are quantised, the file's pages go back to the system.
    package func linear(_ site: LinearSite, plan: ComputePlan) throws -> any LinearKernel {
        if let stored = try storedQuantization(of: site) { return try quantized(site, as: stored, plan: plan) }
        if let algorithm = try algorithm(of: site, plan) { return try quantized(site, plan, algorithm) }
        let (weight, bias) = try tensors(site, plan: plan)
        if site.traits.isWide { return WideningLinear(weight: weight, bias: bias) }
        return FloatLinear(weight: weight, bias: bias)
    }

    private func quantized(_ site: LinearSite, _ plan: ComputePlan, _ algorithm: QuantAlgorithm) throws
        -> QuantizedLinear
    {
        try QuantizedLinear(
            weight: quantizedWeight(site, plan, algorithm),
            bias: bias(of: site, plan: plan),
            rounding: InputRounding(dynamic: algorithm))
    }

    /// Quantises a layer's weight; of its numbers none stays in memory as it was.
    func quantizedWeight(_ site: LinearSite, _ plan: ComputePlan, _ algorithm: QuantAlgorithm) throws
        -> QuantizedWeight
    {
        let (entry, file, dtype) = try place(of: site.weightKey, shape: site.shape)
        var stored = plan
        stored.dtype = merge.changes(site.weightKey) ? .float32 : dtype
        let weight = try QuantizedWeight(
            of: site, self.weight(of: site, plan: stored), algorithm,
            largest: algorithm == .nvfp4 ? largest(of: site, plan) : nil)
        file.mapping.advise(.dontNeed, for: entry.byteRange)
        return weight
    }

    /// The largest magnitude of the weights that share a layer's last scale.
    private func largest(of site: LinearSite, _ plan: ComputePlan) throws -> Float? {
        let names = site.traits.sharing.filter { plan.quantization?.includes($0) ?? false }
        guard names.count > 1 else { return nil }
        if let known = largest[names] { return known }
        var largest: Float = 0
        for name in names {
            guard let (entry, file) = checkpoint["\(name).weight"], entry.shape.count == 2 else { continue }
            var stored = plan
            stored.dtype = merge.changes("\(name).weight") ? .float32 : DType(entry.dtype) ?? plan.dtype
            let weight = try tensor("\(name).weight", shape: entry.shape, plan: stored).asQuantizable()
            let own = try largestMagnitude(weight)
            guard own.isFinite else { throw QuantizationError.notFinite("\(name).weight") }
            largest = max(largest, own)
            file.mapping.advise(.dontNeed, for: entry.byteRange)
        }
        self.largest[names] = largest
        return largest
    }
}

extension DType {
    /// The tensor type of a safetensors type, where LibTorch computes with it.
    package init?(_ dtype: SafetensorsDtype) {
        switch dtype {
        case .float64: self = .float64
        case .float32: self = .float32
        case .float16: self = .float16
        case .bfloat16: self = .bfloat16
        case .float8E4M3: self = .float8E4M3
        case .float8E5M2: self = .float8E5M2
        case .int64: self = .int64
        case .int32: self = .int32
        case .int16: self = .int16
        case .int8: self = .int8
        case .uint8: self = .uint8
        case .bool: self = .bool
        case .uint16, .uint32, .uint64, .complex64, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0, .float6E2M3,
            .float6E3M2, .float4:
            return nil
        }
    }
}
