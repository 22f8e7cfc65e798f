import Foundation
import HTTPTypes
import Logging
import Server
import Synchronization
import TestKit
import Testing

/// What a client does wrong below its JSON is told as its fault, and is none of the log's errors.
@Suite struct ClientFaultTests {
    private static let post =
        "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    /// Whole requests, and the code of the error where the answer holds one.
    private static let faults: [(request: String, code: String?)] =
        ["zz\r\n{}\r\n0\r\n\r\n", "2\r\n{}xx\r\n0\r\n\r\n", "2\r\n{}\r\n-1\r\n", "2\r\n{}\r\n0\r\nX A b\r\n\r\n"].map {
            (post + "Transfer-Encoding: chunked\r\n\r\n" + $0, "malformed_request")
        }
        + ["2\r\n{}\r\n0\r\nX-A: \(String(repeating: "a", count: 50_000))\r\n\r\n"].map {
            (post + "Transfer-Encoding: chunked\r\n\r\n" + $0, "malformed_request")
        }
        + ["identity", "deflate", "x", "gzip, chunked", "chunked, gzip", "chunked, chunked", ""].map {
            (post + "Transfer-Encoding: \($0)\r\n\r\n2\r\n{}\r\n0\r\n\r\n", nil)
        }
        + [
            "Content-Length: 2\r\nContent-Length: 3", "Content-Length: -1",
            "Content-Length: 2\r\nTransfer-Encoding: chunked",
        ]
        .map { (post + $0 + "\r\n\r\n{}", nil) }
        + ["localhost\r\nHost: localhost", "localhost\r\nHost: evil.example"].map {
            ("GET /v1/models HTTP/1.1\r\nHost: \($0)\r\n\r\n", "malformed_request")
        }
        + [
            "[::1].evil.example", "[::1", "[::1]x:80", "[evil]", "[]", "localhost:x", "localhost:99999",
            "localhost:1:2",
            "user@localhost", "localhost/", "local host", "localhost?x", "localhost#x", "local\\host", "locälhost",
            ":80",
        ].map { ("GET /v1/models HTTP/1.1\r\nHost: \($0)\r\n\r\n", "malformed_request") }
        + ["FOO / HTTP/1.1\r\n\r\n", "GET / HTTP/3.7\r\n\r\n", "\u{16}\u{3}\u{1}hello\r\n\r\n"].map { ($0, nil) }

    @Test func isA400AndNoErrorOfTheLog() async throws {
        let lines = LogLines()
        let server = try await TestServer(log: lines.log)
        try await server.run { client in
            let port = client.port
            for (request, code) in Self.faults {
                let raw = try RawClient(port: port)
                raw.send(request)
                let answer = try #require(await raw.answer(), "\(request.prefix(200))")
                #expect(answer.status == 400, "\(request.prefix(200))\n\(answer)")
                if let code { #expect(answer.body.contains(code), "\(request.prefix(200))\n\(answer)") }
            }
            #expect(try await client.get("/v1/models").status == 200)
        }
        let loud = lines.messages.filter { $0.level >= .warning }
        #expect(loud.isEmpty, "\(loud)")
    }

    @Test(arguments: [
        "localhost", "LOCALHOST:8000", "localhost:", "127.0.0.1", "127.0.0.1:1", "[::1]", "[::1]:65535",
    ])
    func knowsItsOwnNames(_ host: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let raw = try RawClient(port: client.port)
            raw.send("GET /v1/models HTTP/1.1\r\nHost: \(host)\r\n\r\n")
            #expect(await raw.answer()?.status == 200)
        }
    }

    /// A body with trailers that are right is read.
    @Test func readsTrailers() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let raw = try RawClient(port: client.port)
            raw.send(Self.post + "Transfer-Encoding: chunked\r\n\r\nf\r\n{\"prompt\": \"a\"}\r\n0\r\nX-A: b\r\n\r\n")
            #expect(await raw.answer()?.status == 200)
        }
    }

    @Test func anUploadThatEndsEarlyIsNoErrorOfTheLog() async throws {
        let lines = LogLines()
        let server = try await TestServer(log: lines.log)
        try await server.run { client in
            let port = client.port
            let half = try RawClient(port: port)
            half.send(Self.post + "Content-Length: 100\r\n\r\n{")
            half.finish()
            let answer = try #require(await half.answer())
            #expect(answer.status == 400 && answer.body.contains("ends early"))
            for _ in 0..<4 {
                let gone = try RawClient(port: port)
                gone.send(Self.post + "Content-Length: 100000\r\n\r\n{")
                gone.reset()
            }
            #expect(
                try await server.wait {
                    lines.messages.count { $0.message == "a client's fault" } == 5
                })
        }
        let loud = lines.messages.filter { $0.level >= .warning }
        #expect(loud.isEmpty, "\(loud)")
    }

    @Test(arguments: [
        ("PUT", "/v1/videos", ["POST", "GET", "HEAD"]), ("GET", "/v1/images/generations", ["POST"]),
        ("POST", "/health", ["GET", "HEAD"]), ("POST", "/", ["GET", "HEAD"]), ("DELETE", "/page.js", ["GET", "HEAD"]),
        ("PUT", "/view.js", ["GET", "HEAD"]), ("POST", "/v1/jobs/x/inputs/0", ["GET", "HEAD"]),
        ("POST", "/v1/videos/video_1", ["GET", "DELETE", "HEAD"]), ("PATCH", "/v1/jobs/x", ["GET", "DELETE", "HEAD"]),
        ("OPTIONS", "/v1/models", ["GET", "HEAD"]),
    ])
    func tellsWhichMethodsThereAre(_ method: String, _ path: String, _ allowed: [String]) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.send(try #require(HTTPRequest.Method(rawValue: method)), path)
            #expect(answer.status == 405 && answer.code == "method_not_allowed", "\(answer.text)")
            #expect(answer[header: "allow"]?.split(separator: ", ").map(String.init).sorted() == allowed.sorted())
        }
    }

    @Test func whatCanBeDeletedIsNotKeptByBrowsers() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let made = try await client.post("/v1/images/generations", #"{"prompt": "a"}"#)
            let id = try #require(made.json["id"] as? String)
            let file = try await client.get("/v1/images/\(id)/content")
            #expect(file.status == 200 && file[header: "cache-control"] == "private, no-cache")
        }
    }
}
