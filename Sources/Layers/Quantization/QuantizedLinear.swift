package import Tensors

/// A linear layer whose weight stays in few bits, and whose input is rounded to few.
package struct QuantizedLinear: LinearKernel {
    package let weight: QuantizedWeight
    /// `[to]`.
    let bias: Tensor?
    let rounding: InputRounding
    /// What each number of a token is multiplied by before, `[from]`; nil for nothing.
    let smoothing: Tensor?

    init(weight: QuantizedWeight, bias: Tensor?, rounding: InputRounding, smoothing: Tensor? = nil)
        throws(TensorError)
    {
        (self.bias, self.rounding, self.smoothing) = (bias, rounding, smoothing)
        self.weight = weight.codes.device == .cpu ? weight : try weight.scaledByRow()
    }

    /// Quantises a layer; its inputs get their scales as they come.
    ///
    /// - Parameters:
    ///   - weight: `[to, from]`
    ///   - bias: `[to]`
    ///   - site: the layer
    ///   - algorithm: how
    ///   - largest: the largest magnitude of all weights that share the last scale of NVFP4; nil for its own
    /// - Throws: ``QuantizationError`` or ``TensorError``
    init(
        quantizing weight: Tensor, bias: Tensor?, of site: LinearSite, _ algorithm: QuantAlgorithm,
        largest: Float? = nil
    ) throws {
        try self.init(
            weight: QuantizedWeight(of: site, weight, algorithm, largest: largest), bias: bias,
            rounding: InputRounding(dynamic: algorithm))
    }

    package func product(_ x: LinearInput) throws(TensorError) -> Tensor {
        if let e4m3 {
            return try x.e4m3(e4m3).linear(weight: weight.codes, scales: weight.scales, bias: bias)
        }
        if case .int8(let scale) = rounding {
            var tokens = try x.tokens()
            if let smoothing { tokens = try tokens * smoothing }
            return try int8Linear(
                tokens, codes: weight.codes, scales: weight.scales, inputScale: scale, bias: bias)
        }
        return try quantizedLinear(
            x.rounded(rounding), codes: weight.codes, scales: weight.scales, scale: weight.scale, bias: bias)
    }

    package func apply(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> Tensor {
        guard let e4m3, case .behind(let other) = epilogue else { return try applyInOrder(x, epilogue) }
        return try x.e4m3(e4m3).linear(behind: other, weight: weight.codes, scales: weight.scales, bias: bias)
    }

    package func input(_ x: LinearInput, _ epilogue: LinearEpilogue) throws(TensorError) -> LinearInput {
        guard e4m3 != nil else { return LinearInput(try apply(x, epilogue)) }
        return switch epilogue {
        case .activation(.geluTanh): LinearInput(geluTanh: try product(x))
        case .beside(let other, .geluTanh): LinearInput(geluTanh: try product(x), beside: other)
        default: LinearInput(try apply(x, epilogue))
        }
    }

    /// The scales of an input that is multiplied in E4M3, as GPUs do; nil if it is not.
    private var e4m3: E4M3Tokens.Scales? {
        guard case .e4m3(let scales) = rounding, weight.codes.device != .cpu else { return nil }
        return scales
    }
}

extension QuantizedWeight {
    /// Quantises a layer's weight.
    ///
    /// - Parameters:
    ///   - site: the layer
    ///   - weight: `[to, from]`
    ///   - algorithm: how
    ///   - largest: the largest magnitude of all weights that share the last scale of NVFP4; nil for its own
    /// - Throws: ``QuantizationError`` or ``TensorError``
    init(of site: LinearSite, _ weight: Tensor, _ algorithm: QuantAlgorithm, largest: Float? = nil) throws {
        try algorithm.requireGroups(of: [site])
        let weight = try weight.asQuantizable()
        let own = try largestMagnitude(weight)
        guard own.isFinite else { throw QuantizationError.notFinite(site.weightKey) }
        try self.init(weight, algorithm, largest: largest ?? own)
    }
}

extension Tensor {
    /// A weight in a type that the formulas take, which are in 32 bits.
    func asQuantizable() throws(TensorError) -> Tensor {
        switch dtype {
        case .float32, .float16, .bfloat16: self
        default: try to(.float32)
        }
    }
}

extension QuantAlgorithm {
    /// - Throws: ``QuantizationError/groups(_:of:)`` if the rows of any cannot be cut into groups
    func requireGroups(of sites: [LinearSite]) throws(QuantizationError) {
        let narrow = sites.filter { self == .nvfp4 && !$0.from.isMultiple(of: QuantizedWeight.group) }
        if !narrow.isEmpty { throw .narrow(narrow) }
    }
}
