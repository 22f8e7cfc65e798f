import Engine
import Foundation
import HTTPTypes
import Server
import Synchronization
import TestKit
import Testing

/// What must not get out, and who must not get in.
@Suite struct SecrecyTests {
    /// Prompts, images and keys are never in the log, whether a request succeeds, is refused or fails.
    @Test func theLogHoldsNoSecrets() async throws {
        let folder = try TemporaryFolder()
        let (key, line) = APIKey.new(name: "alice", scopes: [])
        let path = try folder.write(line, to: "keys")
        let lines = LogLines()
        let server = try await TestServer(
            log: lines.log,
            {
                $0.takesImages = true
                $0.failures = ["sesame doom": .noPixels]
            }, settings: { $0.keys = try APIKeys(path: path) })
        let image = Data("sesame image".utf8).base64EncodedString()
        try await server.run { client in
            let own = ["authorization": "Bearer \(key)"]
            let answered = Mutex<Set<Int>>([])
            for body in [
                #"{"prompt": "sesame"}"#, #"{"prompt": "sesame doom"}"#, #"{"prompt": "sesame", "sesame": 1}"#,
                #"{"prompt": "sesame", "size": "sesame"}"#, #"{"prompt": "sesame"#,
                #"{"prompt": "sesame", "negative_prompt": "sesame", "stream": true}"#,
                #"{"prompt": "a", "image": "\#(image)"}"#,
            ] {
                for path in ["/v1/images/generations", "/v1/images/edits", "/v1/videos", "/v1/sesame?key=\(key)"] {
                    for headers in [own, ["authorization": "Bearer sesame"], [:]] {
                        // A connection whose request was refused unread may be closed when the next one begins.
                        let isAnswered = try await server.wait {
                            guard let answer = try? await client.post(path, body, headers: headers) else {
                                return false
                            }
                            answered.withLock { _ = $0.insert(answer.status) }
                            return true
                        }
                        #expect(isAnswered)
                    }
                }
            }
            let form = [(name: "prompt", value: Array("sesame".utf8)), ("@image", Array("sesame".utf8))]
            let answer = try await client.send(
                .post, "/v1/images/edits", bytes: Form.body(form),
                type: "multipart/form-data; boundary=\(Form.boundary)", headers: own)
            answered.withLock { _ = $0.insert(answer.status) }
            let statuses = answered.withLock { $0 }
            #expect(statuses == [200, 400, 401, 404, 500], "\(statuses)")
        }
        let all = lines.all
        #expect(all.count > 80)
        #expect(all.contains { $0.contains("a job failed") })
        for secret in ["sesame", image, key, String(line.split(separator: " ")[1])] {
            for line in all { #expect(!line.contains(secret), "\(line)") }
        }
    }

    /// Every route that the description has wants a key that is known and has not expired.
    @Test func everyRouteWantsAKey() async throws {
        let folder = try TemporaryFolder()
        let (expired, line) = APIKey.new(name: "alice", scopes: [])
        let path = try folder.write("\(line) expires=2020-01-31", to: "keys")
        let server = try await TestServer({ $0.makesVideos = true }, settings: { $0.keys = try APIKeys(path: path) })
        try await server.run { client in
            let document = try await client.get("/openapi.json").json
            let paths = try #require(document["paths"] as? [String: [String: Any]])
            var count = 0
            for (path, operations) in paths where !["/health", "/version", "/openapi.json"].contains(path) {
                for method in operations.keys {
                    let verb = try #require(HTTPRequest.Method(rawValue: method.uppercased()))
                    for header in [
                        nil, "Bearer", "Bearer ", "Bearer \(expired)", "Bearer vg-0", expired, "Basic \(expired)",
                    ] {
                        let answer = try await client.send(
                            verb, path.replacing("{id}", with: "x"), verb == .post ? "{}" : nil,
                            headers: header.map { ["authorization": $0] } ?? [:])
                        #expect(answer.status == 401, "\(method) \(path) \(header ?? "")")
                        #expect(answer[header: "www-authenticate"] == "Bearer")
                        count += 1
                    }
                }
            }
            #expect(count >= 7 * 18)
        }
    }

    /// Names that lead elsewhere, wherever a client can put one, reach nothing beyond a job's own files.
    @Test(arguments: [
        "..", ".", "...", "../..", "../jobs.sqlite", "..%2fjobs.sqlite", "%2e%2e", "%2e%2e%2fjobs.sqlite",
        "%252e%252e%252fjobs.sqlite", "..%5cjobs.sqlite", "..\\jobs.sqlite",
        "..%ef%bc%8fjobs.sqlite", "....//jobs.sqlite", "..;/jobs.sqlite", "%00", "x%00", "x%00.png", "%0a", "%0d%0a",
        "/etc/passwd", "//etc/passwd", "%2fetc%2fpasswd", "%2f%2fetc%2fpasswd", "/dev/zero", "%2fdev%2fzero",
        "/proc/self/environ", "~", "~root", "~/.ssh/id_rsa", "$HOME", "%24HOME", "`id`", "%60id%60", "|id", "%7cid",
        "con", "nul", "C:%5cx", "file:///etc/passwd", "file:%2f%2f%2fetc%2fpasswd", "link", "hard", "LINK",
        "link/0.png",
        "link%2f0.png", "lock", "jobs.sqlite", "jobs.sqlite-wal", "media", "media/link", "*", "%2a", "%3f", "image_*",
        "image_", "video_", "IMAGE_1", "image_1/../../jobs.sqlite", "image_1%2f..%2f..%2fjobs.sqlite", "%", "%zz", "é",
        "%e2%80%ae", " ", "%20", "+",
    ])
    func namesLeadNowhere(_ name: String) async throws {
        try await Self.check(name)
    }

    @Test func longNamesLeadNowhere() async throws {
        for name in [String(repeating: "a", count: 5000), String(repeating: "../", count: 1000) + "etc/passwd"] {
            try await Self.check(name)
        }
    }

    private static func check(_ name: String) async throws {
        let server = try await TestServer({ $0.takesImages = true })
        let media = "\(server.core.jobs.folder.path)/media"
        let secret = try server.folder.write("sesame", to: "secret")
        try FileManager.default.createDirectory(
            atPath: server.folder.file("outside"), withIntermediateDirectories: true)
        try server.folder.write("sesame", to: "outside/0.png")
        try FileManager.default.createSymbolicLink(
            atPath: "\(media)/link", withDestinationPath: server.folder.file("outside"))
        try FileManager.default.linkItem(atPath: secret, toPath: "\(media)/hard")
        try await server.run { client in
            func check(_ answer: Client.Answer, _ what: String) {
                #expect([301, 400, 403, 404, 405].contains(answer.status), "\(what) \(answer.status) \(answer.text)")
                #expect(!answer.text.contains("sesame") && !answer.text.contains("root:"), "\(what)")
            }
            for (prefix, suffix) in [
                ("/v1/images/", "/content"), ("/v1/images/", "/content?i=0"), ("/v1/videos/", ""),
                ("/v1/videos/", "/content"), ("/v1/videos/", "/content?variant=thumbnail"), ("/v1/jobs/", "/preview"),
                ("/v1/models/", ""),
            ] {
                let path = "\(prefix)\(name.addingPercentEncoding(withAllowedCharacters: allowed) ?? "")\(suffix)"
                check(try await client.get(path), path)
                check(try await client.send(.delete, path), path)
            }
            let text = try JSONSerialization.data(withJSONObject: [name.removingPercentEncoding ?? name])
            let quoted = String(decoding: text, as: UTF8.self).dropFirst().dropLast()
            check(try await client.post("/v1/images/edits", #"{"prompt": "a", "image": \#(quoted)}"#), "image")
            check(try await client.get("/v1/jobs?after=x"), "after")
        }
        #expect(try String(contentsOfFile: secret, encoding: .utf8) == "sesame")
        #expect(try String(contentsOfFile: server.folder.file("outside/0.png"), encoding: .utf8) == "sesame")
        #expect(Set(try FileManager.default.contentsOfDirectory(atPath: media)) == ["link", "hard"])
    }

    /// What a path can hold as it is; the rest a client has to write with percent signs, or could not send.
    private static let allowed = CharacterSet(charactersIn: "%/.;:*$~+_-0123456789")
        .union(CharacterSet(charactersIn: "a"..."z")).union(CharacterSet(charactersIn: "A"..."Z"))
}

/// The time that a comparison takes.
@Suite struct KeyTimeSerialTests {
    /// How much of a hash is right tells nothing: the quickest of many goes takes the same.
    @Test func aWrongKeyTakesTheSameTimeWhereverItIsWrong() throws {
        let key = try APIKey(line: APIKey.new(name: "alice", scopes: []).line[...])
        let wrong = (0..<32).map { place in
            var hash = key.hash
            hash[place] ^= 1
            return hash
        }
        var best = [Duration](repeating: .seconds(1), count: wrong.count)
        for _ in 0..<100 {
            for (place, hash) in wrong.enumerated() {
                let time = ContinuousClock().measure {
                    for _ in 0..<40 where key.has(hash) { Issue.record("a wrong key is right") }
                }
                best[place] = min(best[place], time / 40)
            }
        }
        let (least, most) = (try #require(best.min()), try #require(best.max()))
        #expect(most - least < .microseconds(1), "\(least) to \(most)")
    }
}
