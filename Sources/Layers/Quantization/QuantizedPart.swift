/// What may lie beside the weight of a quantised layer, by the end of its key.
enum QuantizedPart: String, CaseIterable {
    case scale = "weight_scale"
    /// Of E2M1: what scales the scales.
    case scale2 = "weight_scale_2"
    case inputScale = "input_scale"
    /// What inputs are multiplied by.
    case smoothing = "pre_quant_scale"

    /// Whether a layer of an algorithm may have it.
    func belongs(to algorithm: QuantAlgorithm) -> Bool {
        switch self {
        case .scale: true
        case .scale2: algorithm == .nvfp4
        case .inputScale: [.fp8, .nvfp4, .int8].contains(algorithm)
        case .smoothing: algorithm == .int8
        }
    }

    /// Whether a layer of an algorithm may go without it, if all others of the model do.
    var isOptional: Bool { self == .inputScale || self == .smoothing }
}

extension LinearSite {
    /// The key of one of its tensors.
    func key(_ part: QuantizedPart) -> String { key(part.rawValue) }
}
