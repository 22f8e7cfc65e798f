package import Layers
internal import Tensors

/// What a request is predicted to hold in memory, in bytes.
package struct MemoryForecast: Sendable, Equatable, Codable {
    /// What the process holds without any model: the program, LibTorch and its threads, measured and rounded up.
    package static let process = 300_000_000

    /// Of every component.
    package let weights: [String: ComponentBytes]
    /// In the order they run.
    package let stages: [MemoryStage]
    /// Which weights may wait in the host's memory; nil for none.
    package let offload: OffloadPlan?

    /// - Parameters:
    ///   - weights: of every component
    ///   - stages: in the order they run
    ///   - offload: which weights may wait in the host's memory; nil for none
    package init(weights: [String: ComponentBytes], stages: [MemoryStage], offload: OffloadPlan? = nil) {
        (self.weights, self.stages, self.offload) = (weights, stages, offload)
    }

    /// The peak if no component is ever released.
    package var peakKeepingAll: Int {
        peak(of: Set(weights.keys), activations: stages.map(\.activations).max() ?? 0)
    }

    /// The peak if every stage has its own components in memory and no others, and of these no more than must be: less
    /// cannot do.
    package var leastPeak: Int {
        stages.map { stage in
            let saved = Set(stage.components).map(mostOffloaded).reduce(0, +)
            return peak(of: Set(stage.components), activations: stage.activations) - saved
        }.max() ?? Self.process
    }

    /// The peak that a run comes to which releases components only where it must.
    ///
    /// - Parameter limit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Returns: at most the limit if the request can run at all
    package func peak(within limit: Int?) -> Int {
        max(leastPeak, min(peakKeepingAll, Self.available(limit)))
    }

    /// Refuses the request if it cannot run.
    ///
    /// - Parameter limit: the bytes that the process may hold; nil for as many as it may have of the machine
    package func require(_ limit: Int?) throws(InvalidRequest) {
        let available = Self.available(limit)
        if leastPeak > available { throw InvalidRequest([.memory(needed: leastPeak, available: available)]) }
    }

    /// Which components must leave memory before a stage.
    ///
    /// - Parameters:
    ///   - stage: the stage
    ///   - resident: the components in memory, the first to go first
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Returns: none if everything fits; never one that the stage needs
    package func released(before stage: MemoryStage, resident: [String], limit: Int?) -> [String] {
        var staying = Set(resident).union(stage.components)
        var released: [String] = []
        for name in resident where !stage.components.contains(name) {
            if peak(of: staying, activations: stage.activations) <= Self.available(limit) { break }
            staying.remove(name)
            released.append(name)
        }
        return released
    }

    /// What of a stage's weights waits in the host's memory.
    ///
    /// - Parameters:
    ///   - stage: the stage
    ///   - limit: the bytes that the device may hold
    /// - Returns: bytes by component, of those that may wait; nil where nothing need wait in any stage
    package func offloaded(in stage: MemoryStage, limit: Int?) -> [String: Int]? {
        guard let offload, peakKeepingAll > Self.available(limit) else { return nil }
        var excess = max(
            0, peak(of: Set(stage.components), activations: stage.activations) - Self.available(limit))
        var offloaded: [String: Int] = [:]
        for name in stage.components.sorted(by: { mostOffloaded($0) > mostOffloaded($1) })
        where offload.includes(name) {
            offloaded[name] = min(excess, mostOffloaded(name))
            excess -= min(excess, mostOffloaded(name))
        }
        return offloaded
    }

    /// How much of a component's weights can wait in the host's memory while others of it are used.
    private func mostOffloaded(_ component: String) -> Int {
        guard let offload, offload.includes(component), let bytes = weights[component] else { return 0 }
        return bytes.all - bytes.least
    }

    /// Which components can be in memory at once while a request of this size runs.
    ///
    /// - Parameters:
    ///   - components: the first to be had first
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Returns: some or all of them
    package func fitting(_ components: [String], limit: Int?) -> [String] {
        let activations = stages.map(\.activations).max() ?? 0
        var chosen: [String] = []
        for name in components {
            let peak = peak(of: Set(chosen + [name]), activations: activations)
            if peak <= Self.available(limit) { chosen.append(name) }
        }
        return chosen
    }

    /// The weights of components in the type that a model computes in, after a check of the files' headers.
    ///
    /// - Parameters:
    ///   - components: the components
    ///   - plan: how the model computes
    /// - Returns: bytes by name
    /// - Throws: ``SafetensorsError``, ``WeightError``, ``QuantizationError`` or ``TensorError``
    package static func weights(
        of components: [any InspectableComponent], _ plan: ComputePlan
    ) throws -> [String: ComponentBytes] {
        var weights: [String: ComponentBytes] = [:]
        for component in components { weights[component.name] = try component.checkedSize(plan) }
        return weights
    }

    /// What the process holds with some components in memory.
    private func peak(of components: Set<String>, activations: MemorySize) -> Int {
        let bytes = components.map { MemorySize(weights[$0]?.all ?? 0) }.sum()
        return (bytes + activations + Self.process).count
    }

    private static func available(_ limit: Int?) -> Int { limit ?? HostResources.current.memory }
}
