package import Tensors

/// The weight of a linear layer in few bits.
package struct QuantizedWeight {
    package let algorithm: QuantAlgorithm
    /// `[to, from]` in E4M3 or 8-bit integers, or `[to, from / 2]` with two codes of E2M1 a byte.
    package let codes: Tensor
    /// One for each block, `[rows, columns]`.
    package let scales: Tensor
    /// What scales those; 1 but for E2M1.
    package let scale: Double

    /// The side of a block.
    static let block = 128
    /// Numbers of a row that share a scale of E2M1.
    static let group = 16
    /// The largest number of E2M1 times that of E4M3, which its scales have.
    private static let largestE2M1: Float = 6 * 448

    /// How many blocks so many numbers make.
    static func blocks(_ count: Int) -> Int { (count + block - 1) / block }

    /// Quantises a weight.
    ///
    /// - Parameters:
    ///   - weight: `[to, from]`, finite; for NVFP4 `from` is a multiple of 16
    ///   - algorithm: how
    ///   - largest: the largest magnitude of all weights that share the last scale of NVFP4
    package init(_ weight: Tensor, _ algorithm: QuantAlgorithm, largest: Float) throws(TensorError) {
        self.algorithm = algorithm
        let (to, from) = (weight.size(0), weight.size(1))
        switch algorithm {
        case .fp8: (codes, scales) = try quantizeE4M3(weight, rows: max(to, 1), columns: max(from, 1))
        case .fp8Rows: (codes, scales) = try quantizeE4M3(weight, rows: 1, columns: max(from, 1))
        case .fp8Blocks: (codes, scales) = try quantizeE4M3(weight, rows: Self.block, columns: Self.block)
        case .int8: (codes, scales) = try quantizeInt8(weight)
        case .nvfp4:
            let scale = largest / Self.largestE2M1
            (codes, scales) = try quantizeE2M1(weight, scale: Double(scale))
            // None that is too small to divide by.
            self.scale = scale < .leastNormalMagnitude ? 1 : Double(scale)
            return
        }
        scale = 1
    }

    /// A weight that is quantised already.
    init(_ algorithm: QuantAlgorithm, codes: Tensor, scales: Tensor, scale: Double = 1) {
        (self.algorithm, self.codes, self.scales, self.scale) = (algorithm, codes, scales, scale)
    }

    /// What a device has of this, the whole weight of a layer.
    ///
    /// - Throws: ``QuantizationError/shared(_:group:)`` or ``TensorError``
    func part(of site: LinearSite) throws -> QuantizedWeight {
        guard let part = site.part else { return self }
        var (codes, scales) = (codes, scales)
        // Rows and columns that share a scale, where more than one does and fewer than all.
        let (rows, columns) =
            switch algorithm {
            case .fp8Blocks: (Self.block, Self.block)
            case .nvfp4: (1, Self.group)
            case .fp8, .fp8Rows, .int8: (1, 1)
            }
        if let outputs = part.outputs {
            let groups = try outputs.groups(of: rows, in: site)
            codes = try outputs.cut(codes, axis: 0)
            if algorithm != .fp8 { scales = try groups.cut(scales, axis: 0) }
        }
        if let inputs = part.inputs {
            let groups = try inputs.groups(of: columns, in: site)
            codes = try (algorithm == .nvfp4 ? inputs.groups(of: 2, in: site) : inputs).cut(codes, axis: 1)
            if columns > 1 { scales = try groups.cut(scales, axis: 1) }
        }
        return QuantizedWeight(algorithm, codes: codes, scales: scales, scale: scale)
    }

    /// The same with a scale for each row, where all have one.
    func scaledByRow() throws(TensorError) -> QuantizedWeight {
        guard algorithm == .fp8, codes.size(0) > 1 else { return self }
        return try QuantizedWeight(
            algorithm, codes: codes, scales: scales.expanded(codes.size(0), 1).contiguous(), scale: scale)
    }

    /// What it stands for, `[to, from]`.
    package func dequantized(as dtype: DType) throws(TensorError) -> Tensor {
        try dequantize(codes: codes, scales: scales, scale: scale, as: dtype)
    }
}

extension LinearPart.Pieces {
    /// These pieces counted in groups of so many, in which all but the last end.
    ///
    /// - Throws: ``QuantizationError/shared(_:group:)`` where a piece begins or the next follows within a group
    fileprivate func groups(of size: Int, in site: LinearSite) throws(QuantizationError) -> LinearPart.Pieces {
        func isWhole(_ range: Range<Int>, _ index: Int) -> Bool {
            range.lowerBound % size == 0 && (range.upperBound % size == 0 || index == ranges.count - 1)
        }
        guard ranges.enumerated().allSatisfy({ isWhole($1, $0) }) else {
            throw .shared(site.weightKey, group: size)
        }
        return LinearPart.Pieces(ranges: ranges.map { $0.lowerBound / size..<($0.upperBound + size - 1) / size })
    }
}
