import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// How values are written: numbers, images, bodies and queries.
@Suite struct RequestValueTests {
    private static let images = "/v1/images/generations"

    private func videos() async throws -> TestServer {
        try await TestServer({ ($0.makesVideos, $0.takesImages, $0.step) = (true, true, .milliseconds(1)) })
    }

    /// Numbers in texts are written as JSON writes them.
    @Test(arguments: [
        "0x10", "0X1p4", "inf", "nan", "infinity", "NaN", "4s", "4 ", " 4", "4\\n", "+4", "04", ".5", "4.", "1e",
        "1e400", "4,5",
        "٤", "", "--4", "1_0", "4\\u0000",
    ])
    func refusesNumbersInTextsThatAreNone(_ text: String) async throws {
        let server = try await videos()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", #"{"prompt": "a", "seconds": "\#(text)"}"#)
            #expect(answer.status == 400 && answer.param == "seconds", "\(answer.text)")
            if text.isEmpty || text.contains("\\") { return }
            for name in ["seconds", "fps", "guidance_scale", "num_frames", "seed"] {
                let form = try await client.post("/v1/videos", form: [("prompt", [97]), (name, Array(text.utf8))])
                #expect(form.status == 400 && form.param == name, "\(form.text)")
            }
        }
    }

    @Test(arguments: [
        (#""seconds": "4.64", "fps": 25"#, 116), (#""seconds": 4.64, "fps": 25"#, 116),
        (#""seconds": 1.1, "fps": 10"#, 11),
        (#""seconds": 0.29, "fps": 100"#, 29), (#""seconds": 4.639, "fps": 25"#, 115),
        (#""seconds": "1e0", "fps": 8"#, 8),
        (#""seconds": 4, "fps": 23.976"#, 95), (#""seconds": 2.0, "frame_rate": 12.5, "fps": 12.5"#, 25),
        (#""num_frames": 9.0"#, 9), (#""num_frames": 9, "seconds": "4""#, 9),
    ])
    func countsFrames(_ fields: String, _ frames: Int) async throws {
        let server = try await videos()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", #"{"prompt": "a", \#(fields)}"#)
            #expect(answer.json["num_frames"] as? Int == frames, "\(answer.text)")
            let isOverruled = fields.contains("num_frames") && fields.contains("seconds")
            #expect((answer.json["warnings"] as? [String])?.first?.contains("seconds") ?? false == isOverruled)
        }
    }

    @Test(arguments: [
        (#""n": 2.0, "seed": 5.0, "num_inference_steps": 3e0, "size": "64x64""#, 200, ""), (#""n": 2.5"#, 400, "n"),
        (#""seed": 9007199254740992.0"#, 200, ""), (#""seed": 9007199254740994.0"#, 400, "seed"),
        (#""n": 1e1"#, 200, ""),
    ])
    func takesWholeNumbersWithAFraction(_ fields: String, _ status: Int, _ param: String) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a", \#(fields)}"#)
            #expect(answer.status == status && answer.param ?? "" == param, "\(answer.text)")
        }
    }

    @Test(arguments: [
        (#""fps": 24, "frame_rate": 25"#, "frame_rate", ["fps", "24", "25"]),
        (#""format": "gif", "fps": 60"#, "fps", ["fps", "GIF"]),
        (#""format": "gif", "frame_rate": 60"#, "frame_rate", ["frame_rate", "GIF"]),
    ])
    func refusesRatesByName(_ fields: String, _ param: String, _ words: [String]) async throws {
        let server = try await videos()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", #"{"prompt": "a", \#(fields)}"#)
            #expect(answer.status == 400 && answer.param == param, "\(answer.text)")
            #expect(words.allSatisfy(answer.message.contains))
        }
    }

    @Test func refusesTwoFormats() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(
                Self.images, #"{"prompt": "a", "format": "png", "output_format": "webp"}"#)
            #expect(answer.status == 400 && answer.param == "format" && answer.message.contains("output_format"))
        }
    }

    @Test(arguments: [
        (#""background": "transparent""#, "background"), (#""quality": "best""#, "quality"),
        (#""quality": "high""#, "quality"),
        (#""style": "vivid""#, "style"), (#""moderation": "low""#, "moderation"),
        (#""size": "32x32", "width": 64, "height": 64"#, "size"),
        (#""background": "opaque", "quality": "auto", "moderation": "auto", "output_compression": 100"#, nil),
        (#""output_format": "jpeg", "output_compression": 100"#, nil),
    ])
    func tellsWhatHasNoEffect(_ fields: String, _ word: String?) async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.images, #"{"prompt": "a", \#(fields)}"#)
            #expect(answer.status == 200, "\(answer.text)")
            let warnings = answer.json["warnings"] as? [String] ?? []
            #expect(warnings.count == (word == nil ? 0 : 1) && warnings.allSatisfy { $0.contains(word ?? "") })
        }
    }

    @Test(arguments: [
        "iVBORw0KGgo=", "iVBORw0KGgo", "iVBO\r\nRw0K\nGgo=\n", " iVBORw0KGgo= ", "data:image/png;base64,iVBORw0KGgo=",
        "DATA:IMAGE/PNG;BASE64,iVBORw0KGgo", "Data:;Base64,iVBORw0KGgo%3D",
        "\ndata:image/png;charset=x;base64,\niVBORw0KGgo=\n",
    ])
    func readsBase64AsClientsWriteIt(_ text: String) throws {
        let expected = [0x89] + Array("PNG\r\n\u{1A}\n".utf8)
        #expect(try Upload(text: text, field: "image").bytes == expected)
    }

    @Test func readsBothAlphabetsOfBase64() throws {
        for length in 1..<70 {
            let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 151 &+ 62) }
            let text = Data(bytes).base64EncodedString()
            let plain = text.replacing("=", with: "")
            for text in [text, plain, plain.replacing("+", with: "-").replacing("/", with: "_")] {
                #expect(try Upload(text: text, field: "image").bytes == bytes)
            }
        }
        #expect(try Upload(text: "-_-_", field: "image").bytes == Upload(text: "+/+/", field: "image").bytes)
    }

    @Test(arguments: [
        "", "A", "AAAAA", "AA=A", "AAAA====", "=", "A===", "AA*A", "\u{301}AAAA", "AAAA,", "data:", "data:,AAAA",
        "data:image/png,AAAA", "data:;base64", "data:;base64,", "data:;base64,A", "dat:;base64,AAAA",
    ])
    func refusesWhatIsNoBase64(_ text: String) {
        #expect(throws: APIError.self) { try Upload(text: text, field: "image") }
    }

    @Test(arguments: ["gzip", "GZIP", "x-gzip", "deflate", "br", "zstd", "gzip, identity", "identity, br"])
    func namesTheEncodingOfABodyThatItDoesNotRead(_ encoding: String) async throws {
        let server = try await videos()
        try await server.run { client in
            for path in ["/v1/videos", Self.images, "/v1/images/edits", "/v1/videos/sync"] {
                let answer = try await client.post(path, "\u{1F}\u{8B}", headers: ["content-encoding": encoding])
                #expect(answer.status == 415 && answer.code == "unsupported_content_encoding", "\(answer.text)")
                #expect(answer.message.contains(encoding))
            }
            let plain = try await client.post(
                "/v1/videos", #"{"prompt": "a"}"#, headers: ["content-encoding": "identity"])
            #expect(plain.status == 202)
        }
    }

    /// What a route does not know is refused, whichever it is.
    @Test func refusesUnknownQueriesOnEveryRoute() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let paths = try #require(try await client.get("/openapi.json").json["paths"] as? [String: [String: Any]])
            let page = ["/", "/page.js", "/page.css"].map { ($0, "GET") }
            let all = page + paths.flatMap { path, methods in methods.keys.map { (path, $0.uppercased()) } }
            for (path, method) in all {
                let verb = try #require(HTTPRequest.Method(rawValue: method))
                let answer = try await client.send(
                    verb, path.replacing("{id}", with: "x") + "?nonsense=1", verb == .post ? "{}" : nil)
                #expect(answer.status == 400 && answer.code == "unknown_parameter", "\(method) \(path): \(answer.text)")
                #expect(answer.param == "nonsense")
            }
            for path in [
                "/v1/jobs?limit=2", "/v1/jobs?", "/v1/jobs?limit=2.0", "/health?", "/v1/videos?order=asc&limit=1",
            ] {
                #expect(try await client.get(path).status == 200, "\(path)")
            }
            for path in ["/v1/jobs?limit=+2", "/v1/jobs?limit=0x2", "/v1/jobs?limit=", "/v1/jobs?limit=2&limit=3"] {
                #expect(try await client.get(path).param == "limit", "\(path)")
            }
            #expect(try await client.send(.head, "/v1/models?nonsense=1").status == 400)
            #expect(try await client.get("/nowhere?nonsense=1").code == "unknown_url")
        }
    }

    @Test(arguments: ["image_generation.completed", "image_edit.completed"])
    func tellsTheUseOfAStream(_ event: String) async throws {
        let server = try await TestServer({ $0.takesImages = true })
        try await server.run { client in
            let pixels = try Image(width: 20, height: 10, pixels: [UInt8](repeating: 9, count: 600)).encoded(.png())
            let isEdit = event.hasPrefix("image_edit")
            let image = isEdit ? #", "image": "\#(Data(pixels).base64EncodedString())""# : ""
            let body = #"{"prompt": "a", "size": "96x64", "stream": STREAM\#(image)}"#
            let path = isEdit ? "/v1/images/edits" : Self.images
            let stream = try await client.post(path, body.replacing("STREAM", with: "true"))
            let line = try #require(stream.text.split(separator: "\n").last { $0.hasPrefix("data: ") })
            let last = try #require(
                try JSONSerialization.jsonObject(with: Data(line.dropFirst(6).utf8)) as? [String: Any])
            #expect(last["type"] as? String == event)
            let whole = try await client.post(path, body.replacing("STREAM", with: "false")).json
            for answer in [last, whole] {
                let usage = try #require(answer["usage"] as? [String: Any])
                #expect(usage["output_tokens"] as? Int == 24 && usage["input_tokens"] as? Int == (isEdit ? 2 : 0))
                #expect(usage["total_tokens"] as? Int == (isEdit ? 26 : 24))
                #expect(
                    (usage["input_tokens_details"] as? [String: Int]) == [
                        "image_tokens": isEdit ? 2 : 0, "text_tokens": 0,
                    ])
            }
        }
    }
}
