import Diffusion
import Foundation
import GRDB
import Glibc
import Server
import TestKit
import Testing

/// What others put where the server keeps its jobs stays as it is.
@Suite struct ForeignFileTests {
    private let folder: TemporaryFolder
    private let data: String

    init() throws {
        folder = try TemporaryFolder()
        data = folder.file("data")
        try FileManager.default.createDirectory(atPath: "\(data)/media/holiday", withIntermediateDirectories: true)
        for name in ["media/holiday/beach.jpg", "media/mountain.jpg", "media/.hidden", "notes.txt"] {
            try folder.write("photo", to: "data/\(name)")
        }
    }

    private var all: Set<String> {
        Set((FileManager.default.enumerator(atPath: data)?.allObjects as? [String]) ?? [])
    }

    /// Without a store, or with an empty one, nothing in `media` is the server's.
    @Test(arguments: [nil, ""]) func filesWithoutAStoreAreNotTheServers(_ store: String?) throws {
        if let store { try folder.write(store, to: "data/jobs.sqlite") }
        let before = all
        #expect(throws: ServerError.mediaWithoutStore(data, count: 3)) { try ServerStorage(path: data) }
        #expect(all == before)
        #expect("\(ServerError.mediaWithoutStore(data, count: 3))".contains("\(data)/media holds 3 things"))
    }

    /// A store that is damaged, another program's, or without a table is refused as it is.
    @Test(arguments: ["no database", "other", "bare", "newer"]) func otherFilesAreNoStores(_ kind: String) throws {
        let path = "\(data)/jobs.sqlite"
        switch kind {
        case "no database": try folder.write(String(repeating: "no database ", count: 1000), to: "data/jobs.sqlite")
        case "newer":
            _ = try JobStore(path: path)
            try DatabaseQueue(path: path).write {
                try $0.execute(sql: "INSERT INTO grdb_migrations (identifier) VALUES ('of another year')")
            }
        default:
            let queue = try DatabaseQueue(path: path)
            try queue.write { database in
                try database.execute(sql: "CREATE TABLE albums (name TEXT)")
                if kind == "bare" { try database.execute(sql: "DROP TABLE albums") }
            }
        }
        let (before, bytes) = (all, try Data(contentsOf: URL(fileURLWithPath: path)))
        let error = try #require(throws: ServerError.self) { try ServerStorage(path: data) }
        #expect("\(error)".contains(path), "\(error)")
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        #expect(all.subtracting(["lock", "jobs.sqlite-wal", "jobs.sqlite-shm"]) == before)
    }

    /// With a store, names that it does not know stay, whatever they look like; its own leftovers go.
    @Test func onlyWhatTheStoreKnowsIsRemoved() async throws {
        let own = "image_" + String(repeating: "0a", count: 16)
        let foreign = "video_" + String(repeating: "1b", count: 16)
        do {
            let store = try JobStore(path: "\(data)/jobs.sqlite")
            try await store.announce(own)
        }
        for name in [own, foreign] { #expect(mkdir("\(data)/media/\(name)", 0o755) == 0) }
        for name in ["\(own)/input-0", "\(own)/.0a1b2c.partial", "\(foreign)/0.mp4"] {
            try folder.write("x", to: "data/media/\(name)")
        }
        let before = all
        let server = try await TestServer(settings: { $0.folder = data })
        await server.core.jobs.tidy()
        let ours = Set([own, "\(own)/input-0", "\(own)/.0a1b2c.partial"].map { "media/\($0)" })
        #expect(before.subtracting(all) == ours)
        let store = server.core.jobs.store
        #expect(try await store.disposable().isEmpty)
    }

    /// In the folder of a job that is kept only files half written go, by the shape of their names.
    @Test func halfWrittenFilesGo() async throws {
        try FileManager.default.removeItem(atPath: "\(data)/media")
        let server = try await TestServer(settings: { $0.folder = data })
        let id = try await server.run { client in
            try #require(try await client.post("/v1/images/generations", #"{"prompt": "a"}"#).json["id"] as? String)
        }
        for name in [".1a2b.partial", "my thesis.partial", ".Thesis.partial"] {
            try folder.write("x", to: "data/media/\(id)/\(name)")
        }
        let unknown = try server.core.jobs.folder.sweep(gone: [], known: [id])
        #expect(unknown.isEmpty)
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: "\(data)/media/\(id)"))
        #expect(names.isSuperset(of: ["0.png", "my thesis.partial", ".Thesis.partial"]))
        #expect(!names.contains(".1a2b.partial"))
    }

    @Test(arguments: ["", "/", "/tmp"]) func aFolderOfAllUsersIsRefused(_ path: String) throws {
        let lock = FileManager.default.fileExists(atPath: "\(path)/lock")
        #expect(throws: ServerError.self) { try JobFolder(path: path) }
        #expect(FileManager.default.fileExists(atPath: "\(path)/lock") == lock)
    }

    /// The reason is a sentence of the system's.
    @Test func aFolderThatCannotBeMadeIsNamed() throws {
        let file = try folder.write("x", to: "file")
        for path in [file, "\(file)/below"] {
            let error = try #require(throws: ServerError.self) { try JobFolder(path: path) }
            #expect("\(error)".hasPrefix("\(path) cannot hold the server's jobs: "), "\(error)")
            #expect(!"\(error)".contains("Cocoa") && !"\(error)".contains("error 512"), "\(error)")
        }
    }

    /// Whatever stood there before, the server's files are its user's alone.
    @Test func everythingIsClosedToOthers() async throws {
        try FileManager.default.removeItem(atPath: data)
        let id = "image_" + String(repeating: "0a", count: 16)
        do {
            let storage = try ServerStorage(path: data)
            let work = JobWork(request: GenerationRequest(prompts: ["a"]), format: "png")
            let job = Job(id: id, kind: .image, owner: "", priority: .normal, work: work)
            _ = try await storage.store.accept(job, sameWithin: nil)
            try storage.folder.create(id, inputs: [[1]])
            try folder.write("x", to: "data/media/\(id)/0.png")
            #expect(try await storage.store.complete(id, bytes: 2, timings: JobTimings(), keepSeconds: 100))
        }
        for name in all { #expect(chmod("\(data)/\(name)", 0o755) == 0) }
        #expect(chmod(data, 0o755) == 0)
        let server = try await TestServer({ $0.takesImages = true }, settings: { $0.folder = data })
        try await server.run { client in
            let answer = try await client.post("/v1/images/generations", #"{"prompt": "a"}"#)
            #expect(answer.status == 200)
        }
        #expect(all.count >= 9)
        for name in all.union([""]) {
            var status = stat()
            try #require(lstat("\(data)/\(name)", &status) == 0)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            #expect(status.st_mode & 0o777 == (isFolder ? 0o700 : 0o600), "\(name)")
        }
    }
}
