internal import Tensors

/// The quantised layers of a component, of which the headers were checked.
package struct CheckedQuantization {
    /// Bytes of each quantised weight and what lies beside it, by the weight's key.
    package var bytes: [String: Int] = [:]
    /// The keys of what lies beside the weights.
    package var keys: Set<String> = []
    /// How many layers are quantised, by algorithm.
    package var counts: [QuantAlgorithm: Int] = [:]
    /// Patterns of the user that no layer has.
    package var idlePatterns: [String] = []

    package init() {}

    /// How many layers there are of each algorithm, for people.
    package var told: [String] {
        QuantAlgorithm.allCases.compactMap { algorithm in counts[algorithm].map { "\($0) \(algorithm.rawValue)" } }
    }
}

extension CheckpointWeights {
    /// The key of what a transformer's `config.json` says of its quantised layers.
    package static var quantizationKey: String { QuantizationRecord.key }

    /// Checks how the layers of a component are stored and how the user wants them, reading none.
    ///
    /// - Parameters:
    ///   - sites: the component's linear layers
    ///   - plan: how it computes
    /// - Returns: those that are or will be quantised
    /// - Throws: ``QuantizationError`` or ``WeightError``
    package func checkedQuantization(of sites: [LinearSite], _ plan: ComputePlan) throws -> CheckedQuantization {
        var checked = CheckedQuantization()
        let layers = sites.filter(\.mayBeQuantized)
        var all: [(site: LinearSite, stored: StoredQuantization)] = []
        for site in layers {
            let stored = try storedQuantization(of: site)
            try record?.check(site, stored)
            if let stored { all.append((site, stored)) }
        }
        try record?.check(names: Set(layers.map(\.name)))
        try requireAlike(all)
        for (site, stored) in all {
            checked.keys.formUnion(stored.parts.map(site.key))
            let factors = stored.parts.contains(.smoothing) ? site.from * plan.dtype.size : 0
            checked.add(site, stored.algorithm, besides: factors)
            try plan.quantization?.check(site, stored)
        }
        if let quantization = plan.quantization {
            checked.idlePatterns = quantization.ignored.filter { pattern in
                !layers.contains { QuantizationPlan.matches(pattern, $0.name) }
            }
            let quantized = try all.isEmpty ? layers.filter { try algorithm(of: $0, plan) != nil } : []
            try quantization.algorithm.requireGroups(of: quantized)
            for site in quantized { checked.add(site, quantization.algorithm) }
            if !layers.isEmpty, checked.bytes.isEmpty { throw QuantizationError.nothingLeft(quantization.ignored) }
        }
        return checked
    }

    /// How a layer is quantised while it is loaded; nil if it stays as it is: where a checkpoint is quantised already,
    /// its other layers were left out on purpose.
    ///
    /// - Throws: ``QuantizationError`` if it should be quantised already
    func algorithm(of site: LinearSite, _ plan: ComputePlan) throws(QuantizationError) -> QuantAlgorithm? {
        guard let quantization = plan.quantization, !hasQuantizedLayers else { return nil }
        if site.isQuantizable, quantization.includes(site.name) {
            guard quantization.quantizesWeights else {
                throw .notQuantized(site.weightKey, asked: quantization.algorithm.rawValue)
            }
            if !quantization.scalesInputs, QuantizedPart.inputScale.belongs(to: quantization.algorithm) {
                throw .noInputScale(site.weightKey)
            }
        }
        return plan.algorithm(of: site)
    }

    /// Makes sure that what some layers of an algorithm may go without, all or none have.
    private func requireAlike(_ layers: [(site: LinearSite, stored: StoredQuantization)]) throws(QuantizationError) {
        for part in QuantizedPart.allCases where part.isOptional {
            for algorithm in QuantAlgorithm.allCases where part.belongs(to: algorithm) {
                let own = layers.filter { $0.stored.algorithm == algorithm }
                guard let odd = own.first(where: { !$0.stored.parts.contains(part) }),
                    own.contains(where: { $0.stored.parts.contains(part) })
                else { continue }
                throw .missingHere(odd.site.key(part), in: checkpoint.path)
            }
        }
    }
}

extension CheckedQuantization {
    fileprivate mutating func add(_ site: LinearSite, _ algorithm: QuantAlgorithm, besides others: Int = 0) {
        bytes[site.weightKey] = algorithm.bytes(to: site.to, from: site.from) + others
        counts[algorithm, default: 0] += 1
    }
}

extension QuantizationPlan {
    /// The patterns that no layer of any component has.
    ///
    /// - Parameter components: those whose layers it quantises
    /// - Returns: none if every pattern means a layer
    package func idlePatterns(_ components: [CheckedQuantization]) -> [String] {
        ignored.filter { pattern in
            !components.isEmpty && components.allSatisfy { $0.idlePatterns.contains(pattern) }
        }
    }

    /// Makes sure that a layer is stored as the user wants it.
    ///
    /// - Throws: ``QuantizationError``
    fileprivate func check(_ site: LinearSite, _ stored: StoredQuantization) throws(QuantizationError) {
        let found = stored.algorithm.rawValue
        guard includes(site.name) else { throw .ignored(site.weightKey, is: found) }
        guard stored.algorithm == algorithm else {
            throw .otherAlgorithm(site.weightKey, is: found, asked: algorithm.rawValue)
        }
        let needsScale = !scalesInputs && QuantizedPart.inputScale.belongs(to: algorithm)
        if needsScale, !stored.parts.contains(.inputScale) { throw .noInputScale(site.weightKey) }
    }
}
