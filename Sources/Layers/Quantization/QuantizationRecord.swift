/// What a checkpoint says of its own quantised layers.
///
/// `quantization_config` is in the transformer's `config.json` or in the header of its weights, as ModelOpt writes it;
/// `_quantization_metadata` in the header names each layer's format. Which layers are quantised, and how, their tensors
/// say: this must agree with them.
package struct QuantizationRecord: Equatable {
    /// Where it stands.
    let file: String
    /// How layers are quantised: all but some, or those that are named.
    var scope: Scope
    /// Whether inputs have scales in the checkpoint.
    var hasInputScales = false
    /// Whether inputs of layers with scales for blocks are rounded too: ModelOpt's `fp8_pb_wo` is of weights alone.
    var roundsInputsOfBlocks = false

    enum Scope: Equatable {
        case all(QuantAlgorithm, ignored: [String])
        case named([String: QuantAlgorithm])
    }

    /// How a layer is quantised; nil if it is not.
    ///
    /// - Parameter name: its path in the checkpoint
    func algorithm(of name: String) -> QuantAlgorithm? {
        switch scope {
        case .all(let algorithm, let ignored):
            ignored.contains { QuantizationPlan.matches($0, name) } ? nil : algorithm
        case .named(let layers): layers[name]
        }
    }

    /// Whether two records say the same, wherever they stand.
    func agrees(with other: QuantizationRecord) -> Bool {
        scope == other.scope && hasInputScales == other.hasInputScales
    }

    /// Makes sure that the record and the tensors of a layer say the same.
    ///
    /// - Parameters:
    ///   - site: the layer
    ///   - stored: how it is stored; nil if it is not quantised
    /// - Throws: ``QuantizationError``
    func check(_ site: LinearSite, _ stored: StoredQuantization?) throws(QuantizationError) {
        let described = algorithm(of: site.name)
        guard described == stored?.algorithm else {
            func text(_ algorithm: QuantAlgorithm?) -> String { algorithm?.rawValue ?? "not quantised" }
            throw .contradiction(
                site.weightKey, is: text(stored?.algorithm), described: text(described), in: file)
        }
        let key = site.key(.inputScale)
        if hasInputScales, let stored, QuantizedPart.inputScale.belongs(to: stored.algorithm),
            !stored.parts.contains(.inputScale)
        {
            throw .missing(key, for: site.weightKey, in: file)
        }
    }

    /// Makes sure that there are all layers that the record names.
    ///
    /// - Parameter names: of the model's layers
    /// - Throws: ``QuantizationError``
    func check(names: Set<String>) throws(QuantizationError) {
        guard case .named(let layers) = scope, let name = layers.keys.filter({ !names.contains($0) }).min() else {
            return
        }
        throw .unknownLayer(name, in: file)
    }
}
