internal import Tensors

/// Quantised weights as ModelOpt stores them: what lies beside a weight says what it stands for.
// Source: NVIDIA/TensorRT-Model-Optimizer 0.47.0, modelopt/torch/export.
extension CheckpointWeights {
    /// The tensors that a checkpoint has for a linear layer besides weight and bias.
    package func quantizationKeys(of site: LinearSite) -> [String] {
        site.mayBeQuantized ? parts(of: site).map(site.key) : []
    }

    /// A layer whose weight is stored in few bits.
    ///
    /// - Throws: ``QuantizationError``, ``WeightError`` or ``TensorError``
    func quantized(_ site: LinearSite, as stored: StoredQuantization, plan: ComputePlan) throws -> any LinearKernel {
        let smoothing =
            stored.parts.contains(.smoothing)
            ? try tensor(site.key(.smoothing), shape: [site.shape[1]], plan: plan) : nil
        let weight = try storedWeight(site, stored, plan, smoothing)
        if plan.device != .cpu, let (entry, file) = checkpoint[site.weightKey] {
            file.mapping.advise(.dontNeed, for: entry.byteRange)
        }
        return try QuantizedLinear(
            weight: weight,
            bias: bias(of: site, plan: plan),
            rounding: try rounding(site, stored, plan),
            smoothing: smoothing.map { all in try site.part?.inputs?.cut(all, axis: 0) ?? all })
    }

    /// What this device has of a quantised weight.
    ///
    /// Of a shared one it reads no more, unless LoRA files change it.
    private func storedWeight(
        _ site: LinearSite, _ stored: StoredQuantization, _ plan: ComputePlan, _ smoothing: Tensor?
    ) throws -> QuantizedWeight {
        let scale = stored.parts.contains(.scale2) ? try number(site, .scale2) : 1
        let whole = QuantizedWeight(
            stored.algorithm, codes: try tensor(of: site.weightKey), scales: try scales(site, stored), scale: scale)
        let isMerged = merge.changes(site.weightKey)
        let own = isMerged ? whole : try whole.part(of: site)
        if let fault = try fault(ofQuantized: own.codes, scales: own.scales) {
            throw fault.error(of: site, in: checkpoint[site.weightKey]?.file.path ?? checkpoint.path)
        }
        let weight = QuantizedWeight(
            stored.algorithm, codes: try own.codes.to(own.codes.dtype, on: plan.device),
            scales: try own.scales.to(own.scales.dtype, on: plan.device), scale: scale)
        return isMerged ? try merged(weight, site.whole, smoothing: smoothing).part(of: site) : weight
    }

    /// A quantised weight with what LoRA files change, quantised again.
    ///
    /// Where inputs are multiplied before, as much less of the change is needed.
    private func merged(_ weight: QuantizedWeight, _ site: LinearSite, smoothing: Tensor?) throws -> QuantizedWeight {
        var plain = try weight.dequantized(as: .float32)
        let factors = try smoothing?.to(.float32)
        if let factors { plain = try plain * factors }
        var merged = try merge.merged(site.weightKey, plain, as: .float32, on: plain.device)
        if let factors { merged = try merged / factors }
        return try QuantizedWeight(of: site, merged, weight.algorithm)
    }

    /// The scales as kernels take them.
    private func scales(_ site: LinearSite, _ stored: StoredQuantization) throws -> Tensor {
        guard stored.algorithm == .nvfp4 else { return try positive(site, .scale).reshaped(stored.scales) }
        let scales = try tensor(of: site.key(.scale))
        guard stored.isTiled else { return scales }
        let tiled = scales.shape
        return try scales.reshaped(tiled[0] / 128, tiled[1] / 4, 32, 4, 4).permuted(0, 3, 2, 1, 4).reshaped(tiled)
            .slice(0..<stored.scales[0], axis: 0).slice(0..<stored.scales[1], axis: 1).contiguous()
    }

    /// How the input is rounded: on the scale that the checkpoint has for it, or on its own.
    private func rounding(_ site: LinearSite, _ stored: StoredQuantization, _ plan: ComputePlan) throws -> InputRounding
    {
        if plan.quantization?.scalesInputs == true { return InputRounding(dynamic: stored.algorithm) }
        let scale = stored.parts.contains(.inputScale) ? try number(site, .inputScale) : nil
        return switch stored.algorithm {
        case .fp8: .e4m3(scale.map { .one($0) } ?? .item)
        case .fp8Rows: .e4m3(.token)
        // ModelOpt's blocks are of weights alone.
        case .fp8Blocks: record?.roundsInputsOfBlocks == true ? InputRounding(dynamic: .fp8Blocks) : .none
        case .nvfp4: .e2m1(scale: scale)
        case .int8: .int8(scale: scale)
        }
    }

    /// A scale of a whole tensor.
    private func number(_ site: LinearSite, _ part: QuantizedPart) throws -> Double {
        try Double(positive(site, part).reshaped(1).floats()[0])
    }

    /// Scales in 32-bit floats, all of them finite and above zero.
    private func positive(_ site: LinearSite, _ part: QuantizedPart) throws -> Tensor {
        let key = site.key(part)
        let scales = try tensor(of: key)
        for value in try scales.floats() where !(value > 0 && value.isFinite) {
            throw QuantizationError.value(
                key, in: checkpoint[key]?.file.path ?? checkpoint.path, found: "\(value)",
                expected: "a scale is finite and above zero")
        }
        return scales
    }

    /// A tensor in the type and shape of the file.
    private func tensor(of key: String) throws -> Tensor {
        guard let (entry, file) = checkpoint[key], let dtype = DType(entry.dtype) else {
            throw WeightError.missing(key, in: checkpoint.path)
        }
        let bytes = file.bytes(of: entry)
        return entry.isAligned
            ? try Tensor(borrowing: bytes, dtype, shape: entry.shape, owner: file.mapping)
            : try Tensor(bytes: bytes, dtype, shape: entry.shape)
    }
}

extension QuantizedWeightFault {
    fileprivate func error(of site: LinearSite, in file: String) -> QuantizationError {
        switch self {
        case .code:
            .value(site.weightKey, in: file, found: "a code that is no number", expected: "every one must be a number")
        case .scale:
            .value(
                site.key(.scale), in: file, found: "a scale that is no number or below zero",
                expected: "a scale is a number of at least zero")
        case .zeroScale:
            .value(
                site.key(.scale), in: file, found: "a scale of zero for numbers that are not zero",
                expected: "such a scale is above zero")
        }
    }
}
