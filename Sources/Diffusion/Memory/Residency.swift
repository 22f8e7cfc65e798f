package import Layers
internal import Tensors

/// Which components of a model are in memory: each from its first use on, until another needs its place.
package final class Residency {
    private let components: [any ResidentComponent]
    private let limit: Int?
    private let context: ComputeContext
    /// Bytes of the host's memory that weights may wait in: nearly all, as the rest of the system needs some.
    private let hostMemory: Int

    /// - Parameters:
    ///   - components: every component with weights, the first to go first: those that run once in a request before
    ///     those that run in every step
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    ///   - context: what they compute with
    ///   - hostMemory: bytes of the host's memory that may be used
    package init(
        _ components: [any ResidentComponent], limit: Int?, _ context: ComputeContext,
        hostMemory: Int = HostResources.current.unusedMemory
    ) {
        (self.components, self.limit, self.context) = (components, limit, context)
        self.hostMemory = hostMemory / 10 * 9
    }

    /// Reads the weights that fit into memory together while a request runs.
    ///
    /// - Parameters:
    ///   - forecast: the forecast of that request
    ///   - observe: told of each component
    /// - Throws: `CancellationError` between two components, or an error of their files
    package func prepare(for forecast: MemoryForecast, observe: ProgressObserver) throws {
        let fitting = forecast.fitting(components.map(\.name), limit: limit)
        // What will wait in the host's memory goes there at once.
        for stage in forecast.stages {
            guard let offloaded = forecast.offloaded(in: stage, limit: limit) else {
                return try load(fitting, of: forecast, observe)
            }
            for component in components
            where stage.components.contains(component.name) && offloaded[component.name] != nil {
                try load(
                    [component.name], of: forecast, leaving: offloaded, besides: stage.components, observe)
                try component.release()
            }
        }
    }

    /// Refuses a request that cannot run within the limit; for one that can, earlier requests' graphs go if they are in its way.
    ///
    /// - Parameter forecast: the forecast of the request
    package func require(_ forecast: MemoryForecast) throws(InvalidRequest) {
        try forecast.require(limit)
        if !forecast.leavesRoom(for: context.graphs.bytes, limit: limit) { context.graphs.forget() }
    }

    /// Runs a part of a request with its components in memory.
    ///
    /// Memory that tensors give back during the part serves its next ones, and goes back to the system at its end.
    ///
    /// - Parameters:
    ///   - stage: the part, one of the forecast's stages
    ///   - forecast: the forecast of the request
    ///   - times: where the time of reading weights is added, and the body adds its own
    ///   - observe: told of each component that is read
    ///   - body: what to run
    /// - Returns: what the body returns
    /// - Throws: `CancellationError` between two components, an error of their files, or what the body throws
    package func during<Result>(
        _ stage: MemoryStage, of forecast: MemoryForecast, times: inout StageTimes, observe: ProgressObserver,
        _ body: (inout StageTimes) throws -> Result
    ) throws -> Result {
        let resident = components.filter(\.isLoaded).map(\.name)
        let released = forecast.released(before: stage, resident: resident, limit: limit)
        for component in components where released.contains(component.name) { try component.release() }
        try timed(&times.load) {
            try load(
                stage.components, of: forecast, leaving: forecast.offloaded(in: stage, limit: limit) ?? [:],
                besides: stage.components, observe)
        }
        context.graphs.bytesOfStage = stage.graphs.count
        return try HostMemory.reusing { try body(&times) }
    }

    /// - Parameters:
    ///   - names: which components
    ///   - forecast: of the request
    ///   - offloaded: of each that may wait in the host's memory, the bytes that there is no room for
    ///   - staying: the components that are needed now
    ///   - observe: told of each that is read
    private func load(
        _ names: [String], of forecast: MemoryForecast, leaving offloaded: [String: Int] = [:],
        besides staying: [String] = [],
        _ observe: ProgressObserver
    ) throws {
        for component in components where names.contains(component.name) {
            let (excess, isRead) = (offloaded[component.name], component.bytesOnHost > 0)
            if component.isLoaded, !isRead, excess ?? 0 == 0 { continue }
            if !isRead {
                try context.checkCancellationAlone()
                observe(.loading(component.name))
            }
            guard let excess, let plan = context.plan.offload else {
                try context.plan.device.reserve(forecast.weights[component.name]?.bytes ?? 0)
                try component.load()
                continue
            }
            if !isRead { try makeRoomOnHost(forecast.weights[component.name]?.bytes ?? 0, besides: staying) }
            try component.load(plan, leaving: excess)
        }
    }

    /// Lets weights go that wait in the host's memory, until there is room for others.
    ///
    /// - Parameters:
    ///   - bytes: of the others
    ///   - staying: the components that are needed now
    private func makeRoomOnHost(_ bytes: Int, besides staying: [String]) throws(OffloadError) {
        var taken: Int { components.map(\.bytesOnHost).reduce(0, +) }
        for component in components where taken + bytes > hostMemory && !staying.contains(component.name) {
            component.forget()
        }
        guard taken + bytes <= hostMemory else {
            throw OffloadError(needed: taken + bytes, available: hostMemory)
        }
    }
}
