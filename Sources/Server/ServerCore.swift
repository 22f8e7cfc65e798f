internal import Foundation
package import Logging

/// What all routes share.
package struct ServerCore: Sendable {
    package let model: ServedModel
    package let limits: ServerLimits
    package let queue: GenerationQueue
    package let jobs: JobService
    package let metrics: ServerMetrics
    /// Fetches what requests name by URLs.
    package let pictures: PictureFetcher
    /// Who may use the server; nil lets anyone.
    package let keys: APIKeys?
    /// What URLs of files begin with; nil for the name under which the client found the server.
    package let publicURL: String?
    package let log: Logger

    /// - Parameters:
    ///   - model: the model, its worker started
    ///   - settings: how the server was configured
    ///   - pictures: fetches what requests name by URLs; nil for what the settings say
    ///   - clock: tells the seconds since 1970
    ///   - log: told of requests and faults
    /// - Throws: ``ServerError``
    package init(
        _ model: ServedModel, _ settings: ServerSettings, pictures: PictureFetcher? = nil,
        clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }, log: Logger
    ) throws(ServerError) {
        (self.model, limits, self.log) = (model, settings.limits, log)
        (keys, publicURL, metrics) = (settings.keys, settings.publicURL, ServerMetrics())
        self.pictures = pictures ?? PictureFetcher(hosts: settings.pictureHosts, settings.limits)
        queue = GenerationQueue(model, limits)
        jobs = try JobService(
            folder: JobFolder(path: settings.folder), queue: queue, model: model, limits: limits, metrics: metrics,
            clock: clock, log: log)
    }
}
