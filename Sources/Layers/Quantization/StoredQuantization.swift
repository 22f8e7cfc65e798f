/// How the weight of a quantised layer is stored, as the types and shapes of its tensors say.
package struct StoredQuantization: Equatable {
    package let algorithm: QuantAlgorithm
    /// What lies beside the weight.
    let parts: Set<QuantizedPart>
    /// The shape of the scales as kernels take them.
    let scales: [Int]
    /// Whether the scales are in tiles of 128 × 4, as cuBLAS takes them.
    var isTiled = false
}

extension CheckpointWeights {
    /// What lies beside a layer's weight and bias.
    func parts(of site: LinearSite) -> Set<QuantizedPart> {
        Set(QuantizedPart.allCases.filter { contains(site.key($0)) })
    }

    /// How a layer's weight is stored, as the headers say: nothing is read.
    ///
    /// - Parameter site: the layer
    /// - Returns: nil if it is not quantised
    /// - Throws: ``QuantizationError`` or ``WeightError``
    package func storedQuantization(of site: LinearSite) throws -> StoredQuantization? {
        let site = site.whole
        guard site.mayBeQuantized, let (entry, file) = checkpoint[site.weightKey] else { return nil }
        let parts = parts(of: site)
        var stored: StoredQuantization
        switch entry.dtype {
        case .float8E4M3 where hasQuantizedLayers: stored = try storedE4M3(site, parts)
        case .int8:
            try requireShape(site.weightKey, site.shape)
            try requireScales(site, [[site.to], [site.to, 1]], "one number for each of \(site.to) rows")
            stored = StoredQuantization(algorithm: .int8, parts: parts, scales: [site.to, 1])
        case .uint8: stored = try storedE2M1(site, parts)
        default:
            guard let part = QuantizedPart.allCases.first(where: parts.contains) else { return nil }
            let kind = "of type \(entry.dtype.rawValue), which is not quantised"
            throw QuantizationError.stray(site.key(part), beside: site.weightKey, as: kind, in: file.path)
        }
        for part in QuantizedPart.allCases where parts.contains(part) && !part.belongs(to: stored.algorithm) {
            let kind = "of \(stored.algorithm.rawValue), which has none"
            throw QuantizationError.stray(site.key(part), beside: site.weightKey, as: kind, in: file.path)
        }
        for part in parts where part == .scale2 || part == .inputScale {
            try requireScale(site, part, [[]], "one number")
        }
        return stored
    }

    /// By the number of its scales: one, one for each row, or one for each block.
    ///
    /// What could be several is what the checkpoint says of itself.
    private func storedE4M3(_ site: LinearSite, _ parts: Set<QuantizedPart>) throws -> StoredQuantization {
        try requireShape(site.weightKey, site.shape)
        let (down, across) = (QuantizedWeight.blocks(site.to), QuantizedWeight.blocks(site.from))
        let rows = [[site.to], [site.to, 1]]
        let blocks = [[down, 1, across, 1], [down, across]]
        let described = record?.algorithm(of: site.name)
        let shape = try requireScales(
            site, [[]] + rows + blocks, "one number, one for each of \(site.to) rows, or \(down) × \(across) for blocks"
        )
        func stored(_ algorithm: QuantAlgorithm, _ scales: [Int]) -> StoredQuantization {
            StoredQuantization(algorithm: algorithm, parts: parts, scales: scales)
        }
        let isOne = shape.allSatisfy { $0 == 1 }
        if blocks.contains(shape) || isOne && down * across == 1, described == .fp8Blocks {
            return stored(.fp8Blocks, [down, across])
        }
        if rows.contains(shape) || isOne && site.to == 1, described == .fp8Rows {
            return stored(.fp8Rows, [site.to, 1])
        }
        if isOne { return stored(.fp8, [1, 1]) }
        return rows.contains(shape) ? stored(.fp8Rows, [site.to, 1]) : stored(.fp8Blocks, [down, across])
    }

    private func storedE2M1(_ site: LinearSite, _ parts: Set<QuantizedPart>) throws -> StoredQuantization {
        try QuantAlgorithm.nvfp4.requireGroups(of: [site])
        try requireShape(site.weightKey, [site.to, site.from / 2])
        let scales = [site.to, site.from / QuantizedWeight.group]
        let tiled = [(scales[0] + 127) / 128 * 128, (scales[1] + 3) / 4 * 4]
        let shape = try requireScale(
            site, .scale, [scales, tiled], "\(scales), or \(tiled) in tiles", type: .float8E4M3)
        try requireScale(site, .scale2, [[]], "one number")
        return StoredQuantization(algorithm: .nvfp4, parts: parts, scales: scales, isTiled: shape != scales)
    }

    private func requireShape(_ key: String, _ shape: [Int]) throws(WeightError) {
        guard let (entry, file) = checkpoint[key] else { throw .missing(key, in: checkpoint.path) }
        guard entry.shape == shape else { throw .shape(key, in: file.path, expected: shape, found: entry.shape) }
    }

    @discardableResult
    private func requireScales(_ site: LinearSite, _ shapes: [[Int]], _ expected: String) throws -> [Int] {
        try requireScale(site, .scale, shapes, expected)
    }

    /// - Parameter shapes: those it may have; an empty one is one number, however many axes it has
    /// - Returns: the one it has
    @discardableResult
    private func requireScale(
        _ site: LinearSite, _ part: QuantizedPart, _ shapes: [[Int]], _ expected: String,
        type: SafetensorsDtype = .float32
    ) throws -> [Int] {
        let key = site.key(part)
        guard let (entry, file) = checkpoint[key] else {
            throw QuantizationError.missing(key, for: site.weightKey, in: checkpoint.path)
        }
        let isOne = shapes.contains([]) && entry.shape.allSatisfy { $0 == 1 }
        guard isOne || shapes.contains(entry.shape) else {
            throw QuantizationError.shape(key, in: file.path, expected: expected, found: entry.shape)
        }
        guard entry.dtype == type else {
            throw QuantizationError.dtype(key, in: file.path, expected: type.rawValue, found: entry.dtype.rawValue)
        }
        return entry.shape
    }
}
