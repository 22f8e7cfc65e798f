import Foundation
import Glibc
import HTTPTypes
import Server
import TestKit
import Testing

/// Files that are taken away under the running server.
@Suite struct LostStorageTests {
    private static let image = #"{"prompt": "a lake"}"#
    private static let path = "/v1/images/generations"

    /// It says so, accepts and removes nothing, keeps a second server out, and goes on when they are put back.
    @Test(arguments: ["jobs.sqlite", "jobs.sqlite-wal", "lock", "media", ""])
    func nothingIsAcceptedIntoTheVoid(_ name: String) async throws {
        let server = try await TestServer()
        let data = server.core.jobs.folder.path
        try await server.run { client in
            let id = try #require(try await client.post(Self.path, Self.image).json["id"] as? String)
            #expect(try await client.get("/health").status == 200)
            let (from, to) = (name.isEmpty ? data : "\(data)/\(name)", server.folder.file("aside"))
            #expect(rename(from, to) == 0)
            for replacement in [false, true] {
                if replacement { try Self.replace(from, isFolder: ["", "media"].contains(name)) }
                let health = try await client.get("/health")
                #expect(health.status == 503 && health.code == "storage_lost", "\(health.text)")
                let refused = try await client.post(Self.path, Self.image)
                #expect(refused.status == 503 && refused.code == "storage_lost", "\(refused.text)")
                #expect(try await client.send(.delete, "/v1/images/\(id)").status == 503)
                if !name.isEmpty { #expect(throws: ServerError.folderInUse(data)) { try JobFolder(path: data) } }
            }
            await server.core.jobs.tidy()
            try FileManager.default.removeItem(atPath: from)
            #expect(rename(to, from) == 0)
            #expect(try await client.get("/health").status == 200)
            #expect(try await client.post(Self.path, Self.image).status == 200)
            #expect(try await client.get("/v1/images/\(id)/content").status == 200)
        }
    }

    private static func replace(_ path: String, isFolder: Bool) throws {
        if isFolder { return try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }
        #expect(FileManager.default.createFile(atPath: path, contents: Data("another".utf8)))
    }

    /// With a full disk a job is there with its files, or gone with them.
    @Test func aFullDiskLeavesJobAndFileAlike() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            let server = try await TestServer()
            try await server.run { client in
                for _ in 0..<4 {
                    let id = try #require(try await client.post(Self.path, Self.image).json["id"] as? String)
                    Self.limitFiles(to: 0)
                    let refused = try await client.send(.delete, "/v1/images/\(id)")
                    let file = try await client.get("/v1/images/\(id)/content").status
                    let isListed = try await client.get("/v1/jobs").text.contains(id)
                    Self.limitFiles(to: nil)
                    #expect(refused.status == 507, "\(refused.text)")
                    #expect(file == 200 && isListed)
                    #expect(try await client.send(.delete, "/v1/images/\(id)").status == 200)
                    #expect(try await client.get("/v1/images/\(id)/content").status == 404)
                    #expect(!FileManager.default.fileExists(atPath: server.core.jobs.folder.folder(of: id)))
                }
            }
        }
    }

    private static func limitFiles(to bytes: Int?) {
        var limit = rlimit(rlim_cur: bytes.map(rlim_t.init) ?? rlim_t.max, rlim_max: rlim_t.max)
        setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }
}
