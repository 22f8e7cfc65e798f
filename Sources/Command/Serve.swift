internal import ArgumentParser
internal import Engine
internal import Foundation
internal import Logging
internal import Server
internal import VisualGen

/// `visualgen serve`.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve a model over HTTP, with OpenAI's and trtllm-serve's routes.",
        discussion: "SIGTERM or Ctrl-C stops it within 30 s; jobs that are not finished go on after the next start.")

    @Argument(help: "A checkpoint's folder, a hub id such as org/name, demo-image or demo-video.")
    var modelName: String?

    @OptionGroup var model: ModelOptions

    @Option(
        name: .long, parsing: .unconditional,
        help: "Workers that serve beside each other: each on its GPU, or on its part of the processors and memory.")
    var workers = 1

    @Option(name: .long, help: "The name or address to listen at; a name stands for all of its addresses.")
    var host: String = "localhost"

    @Option(name: .long, help: "The port; 0 for any that is free.")
    var port: Int = 8000

    @Option(name: .long, help: "Where jobs and files are kept; ~/.local/share/visualgen/server if absent.")
    var data: String?

    @Option(name: .long, help: "File with the keys of allowed clients; visualgen key prints its lines.")
    var apiKeys: String?

    @Flag(name: .long, help: "Allow requests without a key, from other machines too.")
    var allowAnyone = false

    @Option(name: .long, help: "Base address of the URLs of files in answers, such as https://images.example.")
    var publicUrl: String?

    @Option(
        name: .long,
        help: "Allow requests to name images by URL from this host or host:port. Repeatable.")
    var allowUrlHost: [String] = []

    @OptionGroup(title: "Limits") var limits: LimitOptions

    @Option(name: .long, help: "Lowest level of messages to log.")
    var logLevel: LogLevel = .info

    func validate() throws {
        if data == "" { throw ValidationError("data is empty; it must name a folder") }
        if apiKeys == "" { throw ValidationError("api-keys is empty; it must name a file") }
        guard (0...65535).contains(port) else {
            throw ValidationError("port is \(port); it must be from 0 to 65535")
        }
        guard (1...128).contains(workers) else {
            throw ValidationError("workers is \(workers); it must be from 1 to 128")
        }
        if host.isEmpty { throw ValidationError("host is empty; localhost is this machine alone") }
        if let publicUrl, !publicUrl.hasPrefix("http://"), !publicUrl.hasPrefix("https://") {
            throw ValidationError("public-url is \(publicUrl); it must begin with http:// or https://")
        }
        for host in allowUrlHost where !ServerSettings.isImageHost(host) {
            throw ValidationError("allow-url-host is \(host); it must be a host's name in small letters, or name:port")
        }
    }

    func run() async throws {
        let arguments = try model.arguments(model: modelName)
        try await joinIfLaunched(arguments)
        var log = Logger(label: "visualgen") { LineLog(label: $0) }
        log.logLevel = logLevel.level
        var settings = ServerSettings(folder: try data ?? Self.standardFolder())
        (settings.host, settings.port, settings.publicURL) = (host, port, publicUrl)
        (settings.limits, settings.allowsAnyone) = (limits.limits, allowAnyone)
        settings.imageHosts = Set(allowUrlHost)
        // A step cache decides on a batch as one: a request alone never depends on who came with it.
        if arguments.cacheConfig != nil { settings.limits.batch = 1 }
        settings.keys = try apiKeys.map { path throws(ServerError) in try APIKeys(path: path, log: log) }
        try settings.validate()
        let progress = ProgressReporter(quiet: false)
        progress.warn(ModelOptions.note(on: arguments))
        // What can go wrong goes wrong before the model is fetched and loaded, which may take minutes.
        let storage = try ServerStorage(path: settings.folder)
        try ListeningCheck(host: host, port: port).run()
        _ = try arguments.replicas(workers, of: arguments.worker(at: arguments.model))
        let path = try await ModelLocation.path(of: arguments.model, revision: arguments.revision)
        var configuration = try await arguments.worker(at: path).locatingSources()
        // What waits since the last run warms the model up, and is not to wait for that.
        if try await !storage.store.unfinished().isEmpty { configuration.warmUp = .none }
        let opened = try configuration.open()
        let problems = arguments.problems(of: opened)
        guard problems.isEmpty else { throw ConfigurationError(problems, file: model.config) }
        for note in try arguments.notes(on: opened) { progress.warn(note) }
        let configurations = try arguments.replicas(workers, of: configuration)
        let pool = try arguments.makeWorkers(configurations)
        let offer = try await pool.start(observe: progress.observe)
        for case let fault? in await pool.conditions().map(\.fault) {
            progress.warn("\(fault.sentence); it is tried again while the others serve")
        }
        let served = try ServedModel(
            arguments.model, offer, workers: pool, configurations[0], ComputeSettings(arguments),
            checker: arguments.checker)
        let core = try ServerCore(served, settings, storage: storage, log: log)
        try await ServerApplication(core, settings).run { [host = ListeningHost(host)] port in
            let more = host.isWildcard ? " and at every other address of this machine" : ""
            StandardError.write("visualgen serves \(served.name) at http://\(host.reachableAuthority):\(port)\(more)\n")
        }
    }

    /// Works for another process, where torchrun or SLURM started this one as another rank than the first.
    private func joinIfLaunched(_ arguments: VisualGenArgs) async throws {
        guard arguments.parallelConfig.workerCount > 1 else { return }
        let path = try await ModelLocation.path(of: arguments.model, revision: arguments.revision)
        try await RankProgram.runIfLaunched(arguments.worker(at: path).locatingSources())
    }

    private static func standardFolder() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        if let folder = environment["TRTLLM_MEDIA_STORAGE_PATH"] {
            if folder.isEmpty { throw ValidationError("TRTLLM_MEDIA_STORAGE_PATH is empty; it must name a folder") }
            return folder
        }
        let base =
            environment["XDG_DATA_HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "\(NSHomeDirectory())/.local/share"
        return "\(base)/visualgen/server"
    }
}

/// How much the server takes.
struct LimitOptions: ParsableArguments {
    @Option(name: .long, help: "At most this many waiting requests.") var maxWaiting: Int?
    @Option(name: .long, help: "At most this many waiting requests of one key.") var maxWaitingPerKey: Int?
    @Option(name: .long, help: "At most this many requests of one shape in a batch. Default: 4.") var maxBatchSize: Int?
    @Option(name: .long, help: "At most this many pixels in an image or frame.") var maxPixels: Int?
    @Option(name: .long, help: "At most this much work in a request: pixels × frames × steps.") var maxWork: Int?
    @Option(name: .long, help: "At most this many bytes in a request.") var maxBodyBytes: Int?
    @Option(name: .long, help: "Memory for reading and checking all requests, in bytes.")
    var maxRequestMemory: Int?
    @Option(name: .long, help: "Keep finished jobs for this many seconds.") var keepSeconds: Int?
    @Option(name: .long, help: "At most this many bytes of kept files.") var storageBytes: Int?

    func validate() throws {
        for (name, value) in [
            ("max-waiting", maxWaiting), ("max-waiting-per-key", maxWaitingPerKey), ("max-batch-size", maxBatchSize),
            ("max-pixels", maxPixels), ("max-work", maxWork), ("max-body-bytes", maxBodyBytes),
            ("max-request-memory", maxRequestMemory),
            ("keep-seconds", keepSeconds), ("storage-bytes", storageBytes),
        ] {
            if let value, value < 1 { throw ValidationError("\(name) is \(value); it must be at least 1") }
        }
    }

    var limits: ServerLimits {
        var limits = ServerLimits()
        limits.waiting = maxWaiting ?? limits.waiting
        limits.waitingPerKey = maxWaitingPerKey ?? limits.waitingPerKey
        limits.batch = maxBatchSize ?? limits.batch
        limits.pixels = maxPixels ?? limits.pixels
        limits.work = maxWork ?? limits.work
        limits.bodyBytes = maxBodyBytes ?? limits.bodyBytes
        limits.requestMemory = maxRequestMemory ?? limits.requestMemory
        limits.keepSeconds = keepSeconds.map(Double.init) ?? limits.keepSeconds
        limits.storageBytes = storageBytes ?? limits.storageBytes
        return limits
    }
}

/// Lowest level of messages to log.
enum LogLevel: String, ExpressibleByArgument, CaseIterable {
    case trace, debug, info, notice, warning, error, critical

    var level: Logger.Level { Logger.Level(rawValue: rawValue) ?? .info }
}
