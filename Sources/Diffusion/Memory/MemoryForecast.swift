package import Layers
package import Tensors

/// What a request is predicted to hold in memory, in bytes.
package struct MemoryForecast: Sendable, Equatable, Codable {
    /// Of every component.
    package let weights: [String: WeightMemory]
    /// In the order they run.
    package let stages: [MemoryStage]
    /// Which weights may wait in the host's memory; nil for none.
    package let offload: OffloadPlan?
    private let process: Int

    /// - Parameters:
    ///   - weights: of every component
    ///   - stages: in the order they run
    ///   - device: where the model computes
    ///   - offload: which weights may wait in the host's memory; nil for none
    package init(
        weights: [String: WeightMemory], stages: [MemoryStage], on device: Device = .cpu, offload: OffloadPlan? = nil
    ) {
        (self.weights, self.stages, self.offload, process) = (weights, stages, offload, Self.process(on: device))
    }

    /// What is held without any model, rounded up: on a CPU the program, LibTorch, the kernels that are made for a request's
    /// sizes, and what every thread has for itself (docs/performance.md, Memory); on a GPU what libraries keep there.
    ///
    /// - Parameter device: where a model computes
    /// - Returns: bytes
    package static func process(on device: Device = .cpu) -> Int {
        device == .cpu ? 260_000_000 + 1_500_000 * ThreadSettings.usualThreads : 300_000_000
    }

    /// The peak if no component is ever released.
    package var peakKeepingAll: Int { peak(of: Set(weights.keys), working: stages.map(working).max() ?? 0) }

    /// The peak if every stage has its own components in memory and no others, and of these no more than must be: less
    /// cannot do.
    package var leastPeak: Int {
        stages.map { stage in
            let saved = Set(stage.components).map(mostOffloaded).reduce(0, +)
            return peak(of: Set(stage.components), working: working(stage)) - saved
        }.max() ?? process
    }

    /// What a stage holds besides weights.
    ///
    /// - Parameter stage: of the request
    /// - Returns: its activations, the copies that products make of its components' weights, and captured graphs
    package func working(_ stage: MemoryStage) -> MemorySize {
        let copies = stage.components.compactMap { weights[$0]?.copies }.max() ?? 0
        return stage.activations + MemorySize(copies) + stages.map(\.graphs).sum()
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

    /// Whether graphs that earlier requests captured can stay.
    ///
    /// - Parameters:
    ///   - graphs: what they hold at most, in bytes
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    package func leavesRoom(for graphs: Int, limit: Int?) -> Bool {
        (MemorySize(peakKeepingAll) + MemorySize(graphs)).count <= Self.available(limit)
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
            if peak(of: staying, working: working(stage)) <= Self.available(limit) { break }
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
            0, peak(of: Set(stage.components), working: working(stage)) - Self.available(limit))
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
        return bytes.bytes - bytes.least
    }

    /// Which components can be in memory at once while a request of this size runs.
    ///
    /// - Parameters:
    ///   - components: the first to be had first
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    /// - Returns: some or all of them
    package func fitting(_ components: [String], limit: Int?) -> [String] {
        let working = stages.map(working).max() ?? 0
        var chosen: [String] = []
        for name in components {
            let peak = peak(of: Set(chosen + [name]), working: working)
            if peak <= Self.available(limit) { chosen.append(name) }
        }
        return chosen
    }

    /// The weights of components in the type that a model computes in, after a check of the files' headers.
    ///
    /// - Parameters:
    ///   - components: the components
    ///   - plan: how the model computes
    /// - Returns: by name
    /// - Throws: ``SafetensorsError``, ``WeightError``, ``QuantizationError`` or ``TensorError``
    package static func weights(
        of components: [any InspectableComponent], _ plan: ComputePlan
    ) throws -> [String: WeightMemory] {
        var weights: [String: WeightMemory] = [:]
        for component in components { weights[component.name] = try component.checkedSize(plan) }
        return weights
    }

    /// What the process holds with some components in memory.
    private func peak(of components: Set<String>, working: MemorySize) -> Int {
        let bytes = components.map { MemorySize(weights[$0]?.bytes ?? 0) }.sum()
        return (bytes + working + process).count
    }

    private static func available(_ limit: Int?) -> Int { limit ?? HostResources.current.memory }
}
