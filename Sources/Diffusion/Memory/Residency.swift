package import Layers
internal import Tensors

/// Which components of a model are in memory: each from its first use on, until another needs its place.
package final class Residency {
    private let components: [any ResidentComponent]
    private let limit: Int?
    private let context: ComputeContext

    /// - Parameters:
    ///   - components: every component with weights, the first to go first: those that run once in a request before
    ///     those that run in every step
    ///   - limit: the bytes that the process may hold; nil for as many as it may have of the machine
    ///   - context: what they compute with
    package init(_ components: [any ResidentComponent], limit: Int?, _ context: ComputeContext) {
        (self.components, self.limit, self.context) = (components, limit, context)
    }

    /// Reads the weights that fit into memory together while a request runs.
    ///
    /// - Parameters:
    ///   - forecast: the forecast of that request
    ///   - observe: told of each component
    /// - Throws: `CancellationError` between two components, or an error of their files
    package func prepare(for forecast: MemoryForecast, observe: ProgressObserver) throws {
        try load(forecast.fitting(components.map(\.name), limit: limit), observe)
    }

    /// Refuses a request that cannot run within the limit.
    ///
    /// - Parameter forecast: the forecast of the request
    package func require(_ forecast: MemoryForecast) throws(InvalidRequest) { try forecast.require(limit) }

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
        for component in components where released.contains(component.name) { component.release() }
        try timed(&times.load) { try load(stage.components, observe) }
        return try HostMemory.reusing { try body(&times) }
    }

    private func load(_ names: [String], _ observe: ProgressObserver) throws {
        for component in components where names.contains(component.name) && !component.isLoaded {
            try context.checkCancellationAlone()
            observe(.loading(component.name))
            try component.load()
        }
    }
}
