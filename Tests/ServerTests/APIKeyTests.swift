import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct APIKeyTests {
    private static let hash = String(repeating: "ab", count: 32)

    @Test(arguments: [
        ("alone", 1), ("a 12", 1), ("# fine\n\na sha256:xyz", 3), ("a \(hash) sounds", 1),
        ("a \(hash) expires=soon", 1), ("a \(hash) priority=9", 1), ("a \(hash)\na \(hash)", 2),
    ])
    func namesTheLineThatIsWrong(_ text: String, _ line: Int) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "keys")
        do {
            _ = try APIKeys(path: path)
            Issue.record("it was read")
        } catch {
            #expect("\(error)".contains("line \(line):"))
        }
    }

    @Test(arguments: ["\n", "\r\n"], ["", "\u{FEFF}"])
    func readsAFileOfAnySystem(_ end: String, _ mark: String) async throws {
        let folder = try TemporaryFolder()
        let (first, second) = (APIKey.new(name: "alice", scopes: []), APIKey.new(name: "bob", scopes: []))
        let lines = ["\(first.line) priority=high", "", "  # keys", "#\u{301} more", second.line]
        for last in ["", end] {
            let path = try folder.write(mark + lines.joined(separator: end) + last, to: "keys")
            let server = try await TestServer(settings: { $0.keys = try APIKeys(path: path) })
            try await server.run { client in
                for key in [first.key, second.key] {
                    let answer = try await client.get("/v1/models", headers: ["authorization": "Bearer \(key)"])
                    #expect(answer.status == 200)
                }
            }
        }
    }

    @Test func aFileThatIsNotThereIsAnError() {
        #expect(throws: ServerError.keyFile("/nowhere", reason: "cannot be opened: No such file or directory")) {
            try APIKeys(path: "/nowhere")
        }
    }

    @Test func everyRouteButTheOpenOnesNeedsAKey() async throws {
        let folder = try TemporaryFolder()
        let (key, line) = APIKey.new(name: "alice", scopes: [])
        let path = try folder.write("# keys\n\(line)\n", to: "keys")
        let server = try await TestServer(settings: { $0.keys = try APIKeys(path: path) })
        try await server.run { client in
            for path in ["/health", "/version", "/openapi.json", "/"] {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
            for path in [
                "/v1/models", "/v1/capabilities", "/v1/videos", "/v1/videos/video_1", "/v1/videos/video_1/content",
                "/v1/images/image_1/content", "/v1/jobs", "/metrics",
            ] {
                for header in [nil, "Bearer ", "Bearer x\(key)", "Basic \(key)", "\(key)"] {
                    let answer = try await client.get(path, headers: header.map { ["authorization": $0] } ?? [:])
                    #expect(answer.status == 401, "\(path) \(header ?? "")")
                    #expect(answer[header: "www-authenticate"] == "Bearer")
                }
            }
            #expect(try await client.post("/v1/images/generations", "{}").status == 401)
            let headers = ["authorization": "Bearer \(key)"]
            #expect(try await client.get("/v1/models", headers: headers).status == 200)
            let metrics = try await client.get("/metrics", headers: headers)
            #expect(metrics.status == 403 && metrics.code == "missing_scope")
        }
    }

    @Test func nobodySeesTheJobsOfAnother() async throws {
        let folder = try TemporaryFolder()
        let (alice, bob) = (APIKey.new(name: "alice", scopes: []), APIKey.new(name: "bob", scopes: [.images]))
        let path = try folder.write("\(alice.line)\n\(bob.line)\n", to: "keys")
        let server = try await TestServer(settings: { $0.keys = try APIKeys(path: path) })
        try await server.run { client in
            let own = ["authorization": "Bearer \(alice.key)"]
            let other = ["authorization": "Bearer \(bob.key)"]
            let made = try await client.post("/v1/images/generations", #"{"prompt": "a lake"}"#, headers: own)
            let id = try #require(made.json["id"] as? String)
            #expect(try await client.get("/v1/images/\(id)/content", headers: own).status == 200)
            #expect(try await client.get("/v1/images/\(id)/content", headers: other).status == 404)
            #expect(try await client.send(.delete, "/v1/images/\(id)", headers: other).status == 404)
            #expect(try await client.send(.delete, "/v1/jobs/\(id)", headers: other).status == 404)
            let list = try await client.get("/v1/jobs", headers: other)
            #expect((list.json["data"] as? [Any])?.isEmpty ?? false)
            #expect(try await client.get("/v1/videos", headers: other).status == 403)
            #expect(try await client.send(.delete, "/v1/images/\(id)", headers: own).status == 200)
        }
    }

    @Test func expiredKeysAndRemovedOnesAreWorthNothing() async throws {
        let folder = try TemporaryFolder()
        let (key, line) = APIKey.new(name: "alice", scopes: [.images])
        let path = try folder.write("\(line) expires=2020-01-31", to: "keys")
        let server = try await TestServer(settings: { $0.keys = try APIKeys(path: path) })
        try await server.run { client in
            let headers = ["authorization": "Bearer \(key)"]
            #expect(try await client.get("/v1/models", headers: headers).status == 401)
            // The file is looked at once a second.
            try folder.write("\(line) expires=2120-01-31", to: "keys")
            let isKnown = try await server.wait { try await client.get("/v1/models", headers: headers).status == 200 }
            #expect(isKnown)
            try folder.write("", to: "keys")
            let isForgotten = try await server.wait {
                try await client.get("/v1/models", headers: headers).status == 401
            }
            #expect(isForgotten)
        }
    }

    @Test func pagesOfOtherSitesAreKeptOut() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let port = client.port
            let own = try await client.get("/v1/models", headers: ["origin": "http://localhost:\(port)"])
            #expect(own.status == 200)
            for origin in ["http://evil.example", "null", "http://localhost", "http://localhost:\(port).evil.example"] {
                let answer = try await client.get("/v1/models", headers: ["origin": origin])
                #expect(answer.status == 403 && answer.code == "wrong_origin", "\(origin)")
            }
            let renamed = try await client.get("/v1/models", headers: ["host": "evil.example:\(port)"])
            #expect(renamed.status == 403)
        }
    }

    @Test func aServerThatOthersReachNeedsKeys() throws {
        var settings = ServerSettings(folder: "/tmp")
        try settings.validate()
        settings.host = "0.0.0.0"
        #expect(throws: ServerError.openWithoutKeys("0.0.0.0")) { try settings.validate() }
        settings.allowsAnyone = true
        try settings.validate()
    }
}
