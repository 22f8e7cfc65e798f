import AsyncHTTPClient
import Diffusion
import Engine
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOFoundationEssentialsCompat
import NIOHTTP1
import Server
import ServiceLifecycle
import Tensors
import TestKit
import Testing

/// A server on loopback with a worker that computes nothing.
struct TestServer: Sendable {
    let worker: FakeWorker
    let folder: TemporaryFolder
    let core: ServerCore
    private var settings: ServerSettings

    init(
        in folder: TemporaryFolder? = nil, images: ImageFetcher? = nil,
        clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 },
        log: Logger = TestServer.silence, limitedEffects: [String: FieldEffect] = [:],
        checker: GuardrailSettings? = nil,
        _ behave: (inout FakeWorker.Behaviour) -> Void = { _ in },
        settings change: (inout ServerSettings) throws -> Void = { _ in }
    ) async throws {
        var behaviour = FakeWorker.Behaviour()
        behave(&behaviour)
        let (makesVideos, takesImages) = (behaviour.makesVideos, behaviour.takesImages)
        let refused = behaviour.refusedParameters
        let parameters = behaviour.parameters.filter { !refused.contains($0.name) }
        worker = FakeWorker(behaviour)
        self.folder = try folder ?? TemporaryFolder()
        var settings = ServerSettings(folder: self.folder.file("jobs"))
        settings.port = 0
        try change(&settings)
        self.settings = settings
        let workers = WorkerPool([worker])
        let model = ServedModel(
            "fake", try await workers.start { _ in }, workers: workers,
            Admission(
                PipelineOptions(),
                guardrail: Guardrail(
                    checker, isParameter: parameters.contains { $0.name == ParameterSpec.useGuardrails.name }),
                resolve: {
                    try FakeWorker.resolve($0, makesVideos, takesImages: takesImages, parameters: parameters)
                }, notes: FakeWorker.notes), limitedEffects: limitedEffects)
        core = try ServerCore(model, settings, images: images, clock: clock, log: log)
        try await core.jobs.recover()
    }

    /// A server of a model that computes; ``worker`` is not asked.
    init(of model: ServedModel) async throws {
        (worker, folder) = (FakeWorker(), try TemporaryFolder())
        settings = ServerSettings(folder: folder.file("jobs"))
        settings.port = 0
        core = try ServerCore(model, settings, log: TestServer.silence)
        try await core.jobs.recover()
    }

    /// A log that nobody reads.
    static let silence = {
        var log = Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() }
        log.logLevel = .critical
        return log
    }()

    /// Serves as long as the body runs.
    func run<Value>(_ body: @Sendable (Client) async throws -> Value) async throws -> Value {
        let (ports, listening) = AsyncStream<Int>.makeStream()
        let application = ServerApplication(core, settings).application { listening.yield($0) }
        let services = ServiceGroup(configuration: .init(services: [application], logger: TestServer.silence))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await services.run()
            }
            guard let port = await ports.first(where: { _ in true }) else {
                try await tasks.waitForAll()
                throw NotListening()
            }
            // Its own, as a served process has.
            let connections = HTTPClient(eventLoopGroupProvider: .singleton)
            let result: Result<Value, any Error>
            do {
                result = .success(try await body(Client(port: port, connections: connections)))
            } catch { result = .failure(error) }
            try await connections.shutdown()
            await services.triggerGracefulShutdown()
            try await tasks.waitForAll()
            return try result.get()
        }
    }

    private struct NotListening: Error {}

    /// Serves as the command does, until something ends it.
    func listen() async throws { try await ServerApplication(core, settings).run { _ in } }

    /// Waits until something is so; long enough for a machine whose every core is busy with other tests.
    func wait(seconds: Double = 60, until condition: @Sendable () async throws -> Bool) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            if try await condition() { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    /// What a route says of a job when that has ended, completed or failed.
    func finished(_ path: String, _ client: Client) async throws -> Client.Answer {
        #expect(
            try await wait {
                let status = try await client.get(path).json["status"] as? String
                return status == "completed" || status == "failed"
            })
        return try await client.get(path)
    }
}

/// How much the tests try.
enum Effort {
    /// Whether everything is tried that takes long: `make test-all`.
    static let isExhaustive = ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] != nil
}

/// Asks a test's server.
struct Client: Sendable {
    let port: Int
    fileprivate let connections: HTTPClient

    /// What the server answered.
    struct Answer: Sendable {
        let status: Int
        let headers: HTTPFields
        let body: Data

        var json: [String: Any] { (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:] }
        var error: [String: Any] { json["error"] as? [String: Any] ?? [:] }
        var param: String? { error["param"] as? String }
        var code: String? { error["code"] as? String }
        var message: String { error["message"] as? String ?? "" }
        var text: String { String(decoding: body, as: UTF8.self) }

        subscript(header name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }
    }

    func send(
        _ method: HTTPRequest.Method, _ path: String, _ body: String? = nil, bytes: [UInt8]? = nil,
        type: String = "application/json", headers: [String: String] = [:]
    ) async throws -> Answer {
        var fields: HTTPFields = [:]
        let content = bytes ?? body.map { Array($0.utf8) }
        if content != nil { fields[.contentType] = type }
        for (name, value) in headers { fields[HTTPField.Name(name)!] = value }
        var request = HTTPClientRequest(url: "http://localhost:\(port)\(path)")
        request.method = HTTPMethod(rawValue: method.rawValue)
        for field in fields { request.headers.add(name: field.name.rawName, value: field.value) }
        request.body = content.map { .bytes(ByteBuffer(bytes: $0)) }
        // Far longer than any answer takes, on a machine whose every core is busy with other tests.
        let response = try await connections.execute(request, timeout: .minutes(5))
        let body = try await response.body.collect(upTo: .max)
        var found: HTTPFields = [:]
        for (name, value) in response.headers {
            if let name = HTTPField.Name(name) { found.append(HTTPField(name: name, value: value)) }
        }
        return Answer(status: Int(response.status.code), headers: found, body: Data(buffer: body))
    }

    func get(_ path: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send(.get, path, headers: headers)
    }

    func post(_ path: String, _ body: String, headers: [String: String] = [:]) async throws -> Answer {
        try await send(.post, path, body, headers: headers)
    }

    /// Posts a form of fields, and of files whose names begin with `@`.
    func post(_ path: String, form: [(name: String, value: [UInt8])]) async throws -> Answer {
        try await send(
            .post, path, bytes: Form.body(form), type: "multipart/form-data; boundary=\(Form.boundary)")
    }
}

/// Forms as clients send them.
enum Form {
    static let boundary = "a-boundary"

    static func body(_ fields: [(name: String, value: [UInt8])]) -> [UInt8] {
        var body: [UInt8] = []
        for (name, value) in fields {
            let isFile = name.hasPrefix("@")
            let plain = isFile ? String(name.dropFirst()) : name
            let file = isFile ? "; filename=\"../../etc/passwd\"\r\nContent-Type: image/png" : ""
            body += Array("--\(boundary)\r\nContent-Disposition: form-data; name=\"\(plain)\"\(file)\r\n\r\n".utf8)
            body += value + Array("\r\n".utf8)
        }
        return body + Array("--\(boundary)--\r\n".utf8)
    }
}
