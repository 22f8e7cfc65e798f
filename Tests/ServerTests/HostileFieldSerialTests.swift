import Foundation
import Glibc
import Server
import TestKit
import Testing

/// Names and texts that are expensive to compare, count or tell: a request costs what its bytes cost.
@Suite(.serialized) struct HostileFieldSerialTests {
    /// One character of many scalars, in an order that comparing it would first have to sort: 32 s for 400 KB.
    private static let marks = String(
        decoding: (0..<200_000).flatMap { Array((["\u{301}", "\u{323}", "\u{327}"] as [String])[$0 % 3].utf8) },
        as: UTF8.self)

    private static func members(_ count: Int) -> String {
        (0..<count).map { #""promp\#($0)": 1"# }.joined(separator: ", ")
    }

    private static let bodies: [String] =
        [
            #"{"prompt": "a", "\#(marks)": 1}"#, #"{"prompt": "a", "extra_params": {"\#(marks)": 1}}"#,
            #"{"prompt": "a", "image_reference": [{"\#(marks)": 1}]}"#,
            #"{"prompt": "a", "image_reference": {"role": "\#(marks)", "format": "\#(marks)"}}"#,
            #"{"prompt": "a", "image_reference": "\#(marks)"}"#,
            #"{"prompt": "a", \#(members(100_000))}"#, #"{"prompt": "a", \#(members(9000))}"#,
            #"{"prompt": "a", "extra_params": {\#(members(100_000))}}"#,
            #"{"prompt": "a", "extra_params": {\#(members(9000))}}"#,
            #"{"prompt": "a", "extra_params": {"a": "\#(marks)"}}"#,
            #"{"prompt": "a", "extra_params": {"a": ["\#(marks)", ["\#(marks)"]]}}"#,
            #"{"prompt": "\#(marks)"}"#, #"{"prompt": ["\#(marks)"]}"#,
            #"{"prompt": "a", "seed": [\#((0..<1_000_000).map { _ in "[]" }.joined(separator: ","))]}"#,
        ]
        + [
            "negative_prompt", "model", "user", "safety_identifier", "size", "priority", "seed", "format",
            "response_format", "seconds", "fps", "partial_images", "input_reference",
        ].map { #"{"prompt": "a", "\#($0)": "\#(marks)"}"# }

    @Test func costsNoMoreThanItsBytes() async throws {
        let server = try await TestServer({ $0.makesVideos = true })
        try await server.run { client in
            for body in Self.bodies {
                let start = clock()
                let answer = try await client.post("/v1/videos", body)
                let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
                #expect(answer.status == 400, "\(body.prefix(80)): \(answer.status)")
                #expect(answer.body.count < 4096, "\(body.prefix(80)): \(answer.body.count)")
                #expect(seconds < 2, "\(body.prefix(80)): \(seconds)")
            }
        }
    }

    /// Lines before the body are bounded by their length, and by what it costs to compare them.
    @Test func ofHeaderLinesTheSame() async throws {
        let server = try await TestServer()
        let text = String(decoding: Self.marks.utf8.prefix(30_000), as: UTF8.self)
        try await server.run { client in
            let port = client.port
            for lines in [
                "GET /\(text) HTTP/1.1\r\nHost: localhost", "GET /v1/jobs?\(text) HTTP/1.1\r\nHost: localhost",
                "GET /v1/jobs HTTP/1.1\r\nHost: \(text)",
                "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: \(text)",
                "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nOrigin: \(text)",
                "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nRange: \(text)",
            ] {
                let start = clock()
                let raw = try RawClient(port: port)
                raw.send(lines + "\r\n\r\n")
                #expect(await raw.answer()?.status == 400, "\(lines.prefix(60))")
                #expect(Double(clock() - start) / Double(CLOCKS_PER_SEC) < 1, "\(lines.prefix(60))")
            }
        }
    }

    /// A stop waits for nobody's body, whatever is in it.
    @Test func aStopIsNotHeldUp() async throws {
        let folder = try TemporaryFolder()
        let server = try await ServedProcess("demo-image", data: folder.file("data"), log: folder.file("log"))
        let port = try #require(server.address.split(separator: ":").last.flatMap { Int($0) })
        let body = #"{"prompt": "a", "\#(String(repeating: Self.marks, count: 10))": 1, \#(Self.members(100_000))}"#
        let clients = try (0..<8).map { _ in try RawClient(port: port) }
        for client in clients {
            client.send(
                "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        }
        let start = ContinuousClock.now
        #expect(server.end(with: SIGTERM) == 0)
        #expect(ContinuousClock.now - start < .seconds(30))
        withExtendedLifetime(clients) {}
    }

    @Test func ofFormsTheSame() async throws {
        let server = try await TestServer({ $0.makesVideos = true })
        let text = Array(Self.marks.utf8)
        let prompt = (name: "prompt", value: Array("a".utf8))
        try await server.run { client in
            for name in ["seed", "fps", "extra_params", "size", "format", "image_reference", "nothing", "priority"] {
                let start = clock()
                let answer = try await client.post("/v1/videos", form: [prompt, (name, text)])
                let seconds = Double(clock() - start) / Double(CLOCKS_PER_SEC)
                #expect(answer.status == 400 && answer.body.count < 4096, "\(name): \(answer.status)")
                #expect(seconds < 2, "\(name): \(seconds)")
            }
            for length in [100, 1900] {
                let name = String(decoding: text.prefix(2 * length), as: UTF8.self)
                let answer = try await client.post("/v1/videos", form: [prompt, (name, [65]), (name, [65])])
                #expect(answer.status == 400 && answer.body.count < 4096, "\(answer.text)")
            }
        }
    }
}
