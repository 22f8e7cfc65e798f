internal import Foundation
internal import Hub
internal import Synchronization
internal import TestKit
internal import Testing

@Suite struct DownloadTests {
    @Test func laysTheCacheOutAsPythonDoes() async throws {
        let hub = try await LoopbackHub()
        hub.put(Array("hello\n".utf8), as: "tokenizer/merges.txt")
        let folder = try await hub.client().folder(of: .tiny())
        #expect(folder == hub.snapshot)
        #expect(hub.cachedNames == Set(Repository.needed))
        for name in Repository.needed { #expect(try hub.cached(name) == hub.bytes(of: name)) }
        let files = FileManager.default
        let small = try files.destinationOfSymbolicLink(atPath: "\(folder)/tokenizer/merges.txt")
        #expect(small == "../../../blobs/ce013625030ba8dba906f756967f9e9ca394464a")
        let large = try files.destinationOfSymbolicLink(atPath: "\(folder)/\(Repository.vae)")
        #expect(large == "../../../blobs/" + Repository.sha256(hub.bytes(of: Repository.vae)))
        let root = try files.destinationOfSymbolicLink(atPath: "\(folder)/model_index.json")
        #expect(root.hasPrefix("../../blobs/"))
        #expect(try String(contentsOfFile: "\(hub.folder)/refs/main", encoding: .utf8) == LoopbackHub.commit)
        let locks = try files.contentsOfDirectory(atPath: hub.cache.file("hub/.locks/models--org--tiny"))
        #expect(Set(locks) == Set(hub.blobs.map { "\($0).lock" }))
    }

    @Test func asksForEachFileOnceAndThenForNone() async throws {
        let hub = try await LoopbackHub()
        for _ in 0..<2 { _ = try await hub.client().folder(of: .tiny()) }
        for name in Repository.needed {
            #expect(hub.requests(for: name).count == (hub.bytes(of: name).isEmpty ? 0 : 1))
        }
        #expect(hub.requests(for: "listing").count == 2)
    }

    @Test(arguments: 0..<8) func resumesAtTheByteOfEachCut(_ seed: Int) async throws {
        let hub = try await LoopbackHub()
        var generator = SeededGenerator(seed: UInt64(seed))
        for file in [Repository.shard, Repository.vae, "transformer/config.json"] {
            let faults = (0..<3).map { _ -> LoopbackHub.Fault? in
                let share = Double.random(in: 0..<1, using: &generator)
                return { _, reply in
                    var reply = reply
                    reply.cut = Int(share * Double(reply.body.count))
                    return reply
                }
            }
            hub.spoil(file, faults[0], faults[1], faults[2], nil)
        }
        _ = try await hub.client().folder(of: .tiny())
        for name in Repository.needed { #expect(try hub.cached(name) == hub.bytes(of: name)) }
        var last = 0
        for request in hub.requests(for: Repository.shard) {
            let first = request["Range"].flatMap { Int($0.dropFirst("bytes=".count).dropLast()) } ?? 0
            #expect(first >= last)
            last = first
        }
        #expect(hub.partialBlobs.isEmpty)
    }

    /// What a server may do with a request for the rest.
    @Test(arguments: ["whole", "elsewhere", "unsatisfiable", "no range"])
    func startsAnewWhereTheAnswerIsNotTheRest(_ kind: String) async throws {
        let hub = try await LoopbackHub()
        let body = hub.bytes(of: Repository.shard)
        hub.spoil(
            Repository.shard,
            { _, reply in
                var reply = reply
                reply.cut = 70_000
                return reply
            },
            { _, reply in
                var reply = reply
                switch kind {
                case "whole": reply = Reply(body: body)
                case "elsewhere": reply.headers["Content-Range"] = "bytes 60000-299999/300000"
                case "unsatisfiable": reply = Reply(status: 416)
                default: reply.headers = [:]
                }
                return reply
            }, nil)
        _ = try await hub.client().folder(of: .tiny())
        #expect(try hub.cached(Repository.shard) == body)
    }

    @Test func fetchesAFileOfTheWrongHashOnceMore() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(Repository.vae, { _, reply in reply.withFlippedByte }, nil)
        hub.spoil("vae/config.json", { _, reply in reply.withFlippedByte }, nil)
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.requests(for: Repository.vae).map { $0["Range"] } == [nil, nil])
        #expect(try hub.cached(Repository.vae) == hub.bytes(of: Repository.vae))
        #expect(try hub.cached("vae/config.json") == hub.bytes(of: "vae/config.json"))
    }

    @Test(arguments: [Repository.vae, "vae/config.json"])
    func failsByNameWhereTheHashStaysWrong(_ file: String) async throws {
        let hub = try await LoopbackHub()
        hub.spoil(file) { _, reply in reply.withFlippedByte }
        await #expect(throws: HubError.wrongHash(file: file)) { try await hub.client().folder(of: .tiny()) }
        #expect(hub.requests(for: file).count == 2)
        #expect(hub.partialBlobs.isEmpty)
        #expect(!hub.cachedNames.contains(file))
    }

    @Test(arguments: [-1, 1]) func failsByNameWhereTheSizeIsWrong(_ difference: Int) async throws {
        let hub = try await LoopbackHub()
        hub.spoil(Repository.vae) { _, reply in
            var reply = reply
            reply.body = difference < 0 ? Array(reply.body.dropLast()) : reply.body + [0]
            return reply
        }
        let error = HubError.wrongSize(file: Repository.vae, expected: 50_000, found: 50_000 + difference)
        await #expect(throws: error) { try await hub.client().folder(of: .tiny()) }
        #expect(hub.partialBlobs.isEmpty)
    }

    @Test func replacesABlobThatWasCutAndDamagedRemains() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        let body = hub.bytes(of: Repository.vae)
        let blob = "\(hub.folder)/blobs/\(Repository.sha256(body))"
        try Data(body.prefix(10)).write(to: URL(fileURLWithPath: blob))
        try Data(Repository.bytes(20_000, seed: 9)).write(to: URL(fileURLWithPath: blob + ".incomplete"))
        _ = try await hub.client().folder(of: .tiny())
        #expect(try hub.cached(Repository.vae) == body)
    }

    @Test func takesSeveralFilesAtOnceButNotAll() async throws {
        var files = Repository.tiny
        for number in 0..<12 { files["tokenizer/part\(number).txt"] = Repository.bytes(50, seed: UInt64(number)) }
        let hub = try await LoopbackHub(files)
        // The first three are held back until a fourth must have come, however slow the machine is.
        let log = hub.server.log
        for file in files.keys {
            hub.spoil(file) { _, reply in
                var reply = reply
                reply.delay = log.mostActive < 4 ? 3000 : 50
                return reply
            }
        }
        _ = try await hub.client().folder(of: .tiny())
        #expect(hub.server.mostActive == 4)
    }

    @Test func countsEveryByte() async throws {
        let hub = try await LoopbackHub()
        hub.spoil(
            Repository.shard,
            { _, reply in
                var reply = reply
                reply.cut = 70_000
                return reply
            }, nil)
        let seen = Mutex<[DownloadProgress]>([])
        _ = try await hub.client().folder(
            of: .tiny(), observe: { progress in seen.withLock { $0.append(progress) } })
        let total = Repository.needed.reduce(0) { $0 + hub.bytes(of: $1).count }
        let all = seen.withLock { $0 }
        #expect(all.map(\.bytes).max() == total)
        #expect(all.map(\.total).max() == total)
        #expect(all.allSatisfy { $0.bytes <= $0.total && $0.fileBytes <= $0.fileTotal })
        #expect(Set(all.map(\.file)) == Set(Repository.needed))
    }

    @Test func takesAnUnchangedFileOfAnotherCommitFromTheCache() async throws {
        let hub = try await LoopbackHub()
        _ = try await hub.client().folder(of: .tiny())
        try FileManager.default.removeItem(atPath: hub.snapshot)
        _ = try await hub.client().folder(of: .tiny("refs/pr/1"))
        #expect(hub.requests(for: Repository.vae).count == 1)
        #expect(hub.cachedNames == Set(Repository.needed))
        #expect(FileManager.default.fileExists(atPath: "\(hub.folder)/refs/refs/pr/1"))
    }
}

extension Reply {
    /// The same with one bit of the body's middle changed.
    var withFlippedByte: Reply {
        var reply = self
        reply.body[reply.body.count / 2] ^= 1
        return reply
    }
}

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
