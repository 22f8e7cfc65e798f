internal import Crypto
internal import Foundation
internal import Hub
internal import Synchronization
internal import TestKit

typealias Request = LoopbackServer.Request
typealias Reply = LoopbackServer.Reply

/// A hub with one repository, whose answers a test can spoil.
final class LoopbackHub: Sendable {
    typealias Fault = @Sendable (Request, Reply) -> Reply

    static let commit = "0123456789abcdef0123456789abcdef01234567"

    /// What the repository holds, and what goes wrong.
    private final class Contents: Sendable {
        struct State {
            var files: [String: [UInt8]]
            var listing: String?
            var faults: [String: [Fault]] = [:]
        }

        let state: Mutex<State>
        init(_ files: [String: [UInt8]]) { state = Mutex(State(files: files)) }

        /// The next fault of a file; the last one stays.
        func fault(of file: String) -> Fault? {
            state.withLock { state in
                guard let faults = state.faults[file], let next = faults.first else { return nil }
                state.faults[file] = faults.count > 1 ? Array(faults.dropFirst()) : faults
                return next
            }
        }
    }

    let server: LoopbackServer
    let cache: TemporaryFolder
    private let contents: Contents

    init(_ files: [String: [UInt8]] = Repository.tiny) async throws {
        let contents = Contents(files)
        self.contents = contents
        cache = try TemporaryFolder()
        server = try await LoopbackServer { request in Self.answer(request, contents) }
    }

    /// Lets the answers for a file go wrong, one after the other; the last way stays. `nil` lets one be right.
    func spoil(_ file: String, _ faults: Fault?...) {
        contents.state.withLock { $0.faults[file] = faults.map { fault in fault ?? { _, reply in reply } } }
    }

    /// Replaces the listing.
    func list(_ json: String) { contents.state.withLock { $0.listing = json } }

    /// Puts a file in the repository, or another in its place, under the same commit.
    func put(_ bytes: [UInt8], as file: String) { contents.state.withLock { $0.files[file] = bytes } }

    func bytes(of file: String) -> [UInt8] { contents.state.withLock { $0.files[file] ?? [] } }

    /// The requests for a file, or for the listing.
    func requests(for file: String) -> [Request] {
        server.requests.filter { Self.file($0) == file }
    }

    /// - Parameter variables: environment variables beside the address and the cache
    func settings(_ variables: [String: String] = [:]) throws -> HubSettings {
        let own = ["HF_ENDPOINT": server.address, "HF_HOME": cache.path]
        var settings = try HubSettings(environment: own.merging(variables) { _, new in new })
        settings.patience.firstDelay = .milliseconds(1)
        settings.patience.longestDelay = .milliseconds(5)
        settings.patience.pause = .seconds(120)
        return settings
    }

    func client(_ variables: [String: String] = [:]) throws -> Hub { Hub(try settings(variables)) }

    /// The model's folder in the cache.
    var folder: String { cache.file("hub/models--org--tiny") }
    var snapshot: String { "\(folder)/snapshots/\(Self.commit)" }

    /// A file's bytes as the snapshot has them.
    func cached(_ file: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: "\(snapshot)/\(file)")))
    }

    var blobs: [String] { (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/blobs")) ?? [] }

    /// What is left of unfinished downloads.
    var partialBlobs: [String] { blobs.filter { $0.hasSuffix(".incomplete") } }

    /// The snapshot's files, folders left out.
    var cachedNames: Set<String> {
        let names = FileManager.default.enumerator(atPath: snapshot)?.compactMap { $0 as? String } ?? []
        let files = FileManager.default
        return Set(names.filter { (try? files.destinationOfSymbolicLink(atPath: "\(snapshot)/\($0)")) != nil })
    }

    private static func file(_ request: Request) -> String {
        if request.path.hasPrefix("/api/") { return "listing" }
        return request.path.components(separatedBy: "/resolve/\(commit)/").last?.removingPercentEncoding ?? ""
    }

    private static func answer(_ request: Request, _ contents: Contents) -> Reply {
        let file = file(request)
        let right = reply(to: request, contents)
        return contents.fault(of: file)?(request, right) ?? right
    }

    private static func reply(to request: Request, _ contents: Contents) -> Reply {
        let (files, listing) = contents.state.withLock { ($0.files, $0.listing) }
        let revisions = ["main", commit, "refs%2Fpr%2F1"]
        if revisions.contains(where: { request.path == "/api/models/org/tiny/revision/\($0)?blobs=true" }) {
            return Reply(body: Array((listing ?? Repository.listing(files, commit: commit)).utf8))
        }
        guard request.path.hasPrefix("/org/tiny/resolve/\(commit)/"), let body = files[file(request)] else {
            return Reply(status: 404, headers: ["X-Error-Code": "EntryNotFound"])
        }
        return rangeReply(to: request, body)
    }

    /// The body, or as much of it as the request asks for.
    static func rangeReply(to request: Request, _ body: [UInt8]) -> Reply {
        guard let range = request["Range"], let first = Int(range.dropFirst("bytes=".count).dropLast()) else {
            return Reply(body: body)
        }
        guard first < body.count else { return Reply(status: 416) }
        let extent = "bytes \(first)-\(body.count - 1)/\(body.count)"
        return Reply(status: 206, headers: ["Content-Range": extent], body: Array(body[first...]))
    }
}

extension HubModel {
    static func tiny(_ revision: String = defaultRevision) throws -> HubModel {
        try HubModel("org/tiny", revision: revision)
    }
}
