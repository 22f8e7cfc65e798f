package import Tensors

/// A linear layer whose weight stays in few bits, and whose input is rounded to few.
package struct QuantizedLinear: LinearKernel {
    package let weight: QuantizedWeight
    /// `[to]`.
    let bias: Tensor?
    let rounding: InputRounding
    /// What each number of a token is multiplied by before, `[from]`; nil for nothing.
    let smoothing: Tensor?

    init(weight: QuantizedWeight, bias: Tensor?, rounding: InputRounding, smoothing: Tensor? = nil) throws {
        try Self.require(weight.codes.device)
        (self.weight, self.bias, self.rounding, self.smoothing) = (weight, bias, rounding, smoothing)
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
        try Self.require(weight.device)
        try self.init(
            weight: QuantizedWeight(of: site, weight, algorithm, largest: largest), bias: bias,
            rounding: InputRounding(dynamic: algorithm))
    }

    package func product(_ x: Tensor) throws(TensorError) -> Tensor {
        let smoothed = try smoothing.map { factors throws(TensorError) in try x * factors } ?? x
        if weight.algorithm == .int8, case .int8(let scale) = rounding {
            return try int8Linear(
                smoothed, codes: weight.codes, scales: weight.scales, inputScale: scale, bias: bias)
        }
        return try quantizedLinear(
            rounding(smoothed), codes: weight.codes, scales: weight.scales, scale: weight.scale, bias: bias)
    }

    /// The one place where a device is refused whose kernels are not there yet.
    ///
    /// - Throws: ``QuantizationError/device(_:)``
    package static func require(_ device: Device) throws(QuantizationError) {
        guard device == .cpu else { throw .device("\(device)") }
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
        try algorithm.requireGroups(of: site)
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
    /// - Throws: ``QuantizationError/groups(_:width:of:)`` if rows cannot be cut into groups
    func requireGroups(of site: LinearSite) throws(QuantizationError) {
        guard self == .nvfp4, !site.from.isMultiple(of: QuantizedWeight.group) else { return }
        throw .groups(site.weightKey, width: site.from, of: QuantizedWeight.group)
    }
}
