internal import Foundation
package import Logging

/// What all routes share.
package struct ServerCore: Sendable {
    package let model: ServedModel
    package let limits: ServerLimits
    package let queue: GenerationQueue
    package let jobs: JobService
    package let metrics: ServerMetrics
    /// What all requests together may hold.
    package let memory: RequestMemory
    /// Fetches what requests name by URLs.
    package let images: ImageFetcher
    /// Who may use the server; nil lets anyone.
    package let keys: APIKeys?
    /// What URLs of files begin with; nil for the name under which the client found the server.
    package let publicURL: String?
    package let log: Logger

    /// - Parameters:
    ///   - model: the model, its worker started
    ///   - settings: how the server was configured
    ///   - storage: where jobs and files lie; nil for the settings' folder
    ///   - images: fetches what requests name by URLs; nil for what the settings say
    ///   - clock: tells the seconds since 1970
    ///   - log: told of requests and faults
    /// - Throws: ``ServerError``
    package init(
        _ model: ServedModel, _ settings: ServerSettings, storage: ServerStorage? = nil,
        images: ImageFetcher? = nil,
        clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }, log: Logger
    ) throws(ServerError) {
        (self.model, limits, self.log) = (model, settings.limits, log)
        (keys, publicURL, metrics) = (settings.keys, settings.publicURL, ServerMetrics())
        memory = RequestMemory(limit: settings.limits.requestMemory)
        self.images = images ?? ImageFetcher(hosts: settings.imageHosts, settings.limits)
        queue = GenerationQueue(model, limits)
        let storage = if let storage { storage } else { try ServerStorage(path: settings.folder, clock: clock) }
        jobs = JobService(
            storage, queue: queue, model: model, limits: limits, memory: memory, metrics: metrics, log: log)
    }
}
