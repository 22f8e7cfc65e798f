import Diffusion
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// Forms mean what the same fields mean as JSON.
@Suite struct FormRouteTests {
    private func server(
        _ behave: (inout FakeWorker.Behaviour) -> Void = { _ in }
    ) async throws -> TestServer {
        try await TestServer({
            ($0.makesVideos, $0.takesImages, $0.step) = (true, true, .milliseconds(1))
            $0.parameters = [
                ParameterSpec("vae_tiling", .flag, ""), ParameterSpec("cfg", .number(0...10), ""),
                ParameterSpec("sigmas", .numbers(0...1), ""), ParameterSpec("prompt_2", .texts, ""),
            ]
            behave(&$0)
        })
    }

    private func png(_ width: Int) throws -> [UInt8] {
        try Image(width: width, height: 4, pixels: [UInt8](repeating: 9, count: 12 * width)).encoded(.png())
    }

    private func base64(_ width: Int) throws -> String { Data(try png(width)).base64EncodedString() }

    private func form(_ parts: [(String, String)]) -> [(name: String, value: [UInt8])] {
        [("prompt", Array("a".utf8))] + parts.map { ($0.0, Array($0.1.utf8)) }
    }

    /// What the worker was asked for.
    private func asked(_ client: Client, _ server: TestServer, _ answer: Client.Answer) async throws
        -> GenerationRequest
    {
        #expect(answer.status == 200 || answer.status == 202, "\(answer.text)")
        let id = try #require(answer.json["id"] as? String)
        #expect(
            try await server.wait { try await client.get("/v1/videos/\(id)").json["status"] as? String == "completed" })
        return try #require(server.worker.requests.last)
    }

    @Test(arguments: [
        [("extra_params[vae_tiling]", "true"), ("extra_params[cfg]", "2.5"), ("extra_params[prompt_2]", "7")],
        [("extra_params[vae_tiling]", "True"), ("extra_params[cfg]", "2.50"), ("extra_params[prompt_2]", "7")],
        [("extra_params", #"{"vae_tiling": true, "cfg": 2.5, "prompt_2": "7"}"#)],
        [("@extra_params", #"{"vae_tiling": true, "cfg": 2.5, "prompt_2": "7"}"#)],
    ])
    func readsParametersOfTheModel(_ parts: [(String, String)]) async throws {
        let server = try await server()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", form: form(parts))
            let request = try await asked(client, server, answer)
            #expect(request.extra == ["vae_tiling": .bool(true), "cfg": .number(2.5), "prompt_2": .text("7")])
        }
    }

    @Test(arguments: [
        [("extra_params[sigmas][]", "1.0"), ("extra_params[sigmas][]", "0.5")],
        [("extra_params[sigmas][1]", "0.5"), ("extra_params[sigmas][0]", "1")],
        [("extra_params[sigmas]", "[1, 0.5]")],
    ])
    func readsListsOfNumbers(_ parts: [(String, String)]) async throws {
        let server = try await server()
        try await server.run { client in
            let request = try await asked(client, server, try await client.post("/v1/videos", form: form(parts)))
            #expect(request.extra == ["sigmas": .list([.number(1), .number(0.5)])])
        }
    }

    /// The first image is 5 pixels wide, the last one 6, however they are named.
    @Test func readsImagesByTheirRoles() async throws {
        let server = try await server()
        try await server.run { client in
            let (first, last) = (try base64(5), try base64(6))
            let list = #"[{"content": "\#(first)"}, {"content": "\#(last)", "role": "last_frame"}]"#
            for parts in [
                [
                    ("image_reference[][content]", first), ("image_reference[][content]", last),
                    ("image_reference[][role]", "first_frame"), ("image_reference[][role]", "last_frame"),
                ],
                [
                    ("image_reference[1][content]", last), ("image_reference[1][role]", "last_frame"),
                    ("image_reference[0][content]", "data:image/png;base64,\(first)"),
                ],
                [("image_reference", list)],
                [
                    ("image_reference", #"{"content": "\#(first)"}"#),
                    ("image_reference", #"{"content": "\#(last)", "role": "last_frame"}"#),
                ],
                [
                    ("input_reference[image_url]", "data:;base64,\(first)"), ("image_reference[content]", last),
                    ("image_reference[role]", "last_frame"),
                ],
            ] {
                let request = try await asked(client, server, try await client.post("/v1/videos", form: form(parts)))
                #expect(request.images.map(\.pixels.width) == [5] && request.lastImage?.pixels.width == 6, "\(parts)")
            }
        }
    }

    @Test func readsFilesInListsAndObjects() async throws {
        let server = try await server()
        try await server.run { client in
            for names in [
                ["@input_reference"], ["@input_reference[]"], ["@input_reference[0]"], ["@image_reference[content]"],
                ["@image_reference[][content]"], ["input_reference"], ["input_reference[image_url]"],
            ] {
                let parts = form([]) + (try names.map { ($0, try png(5)) })
                let request = try await asked(client, server, try await client.post("/v1/videos", form: parts))
                #expect(request.images.map(\.pixels.width) == [5], "\(names)")
            }
            let both =
                form([]) + [("@image_reference[0][content]", try png(5)), ("@image_reference[1][content]", try png(6))]
            let roles = both + [("image_reference[1][role]", Array("last_frame".utf8))]
            let request = try await asked(client, server, try await client.post("/v1/videos", form: roles))
            #expect(request.images.map(\.pixels.width) == [5] && request.lastImage?.pixels.width == 6)
        }
    }

    /// A part is what its field wants, whatever its header says.
    @Test(arguments: [
        "", "Content-Type: text/plain\r\n", "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: application/octet-stream\r\n", "Content-Type: application/json\r\n",
    ])
    func readsTextsWithAnyHeader(_ type: String) async throws {
        let server = try await server()
        try await server.run { client in
            for more in ["", "; filename=blob", "; filename*=utf-8''blob"] {
                func part(_ name: String, _ value: String) -> String {
                    "--b\r\n\(type)Content-Disposition: form-data; name=\(name)\(more)\r\n\r\n\(value)\r\n"
                }
                let body =
                    part("prompt", "a fox") + part("num_frames", "3") + part("extra_params", #"{"cfg": 1}"#) + "--b--"
                let answer = try await client.send(.post, "/v1/videos", body, type: "multipart/form-data; boundary=b")
                let request = try await asked(client, server, answer)
                #expect(request.prompts == ["a fox"] && request.numFrames == 3 && request.extra == ["cfg": .number(1)])
            }
        }
    }

    @Test(arguments: [
        "", "; filename*=utf-8''b%C3%BCcher.png", "; filename=\"b\u{FC}cher.png\"", "; filename=a.png",
    ])
    func readsImagesWithAnyHeader(_ more: String) async throws {
        let server = try await server()
        try await server.run { client in
            for type in ["", "Content-Type: image/png\r\n", "Content-Type: text/plain\r\n"] {
                let header = "--b\r\nContent-Disposition: form-data; name=input_reference\(more)\r\n\(type)\r\n"
                let body =
                    Array("--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\na\r\n".utf8)
                    + header.unicodeScalars.map { UInt8($0.value) } + (try png(7)) + Array("\r\n--b--".utf8)
                let answer = try await client.send(
                    .post, "/v1/videos", bytes: body, type: "multipart/form-data; boundary=b")
                #expect(try await asked(client, server, answer).images.map(\.pixels.width) == [7])
            }
        }
    }

    /// An image in a text may be as long as the body.
    @Test func readsLongImagesInTexts() async throws {
        let server = try await server()
        var random = SplitMix(state: 5)
        let pixels = (0..<3 * 700 * 700).map { _ in UInt8.random(in: 0...255, using: &random) }
        let text = Data(try Image(width: 700, height: 700, pixels: pixels).encoded(.png())).base64EncodedString()
        #expect(text.utf8.count > ServerLimits().fieldBytes)
        try await server.run { client in
            let answer = try await client.post("/v1/videos", form: form([("image_reference[content]", text)]))
            #expect(try await asked(client, server, answer).images.map(\.pixels.width) == [700])
        }
    }

    /// What is wrong is told in the same words as with JSON.
    @Test(arguments: [
        ([("num_frames", "0x5")], #""num_frames": "0x5""#, "num_frames"),
        ([("extra_params[nonsense]", "1")], #""extra_params": {"nonsense": "1"}"#, "nonsense"),
        ([("extra_params[vae_tiling]", "maybe")], #""extra_params": {"vae_tiling": "maybe"}"#, "vae_tiling"),
        ([("input_reference[file_id]", "f")], #""input_reference": {"file_id": "f"}"#, "input_reference"),
        ([("image_reference[0][role]", "x")], #""image_reference": [{"role": "x"}]"#, "image_reference"),
        ([("image_reference[content]", "!")], #""image_reference": {"content": "!"}"#, "image_reference"),
        ([("prompt[a]", "x")], #""prompt": {"a": "x"}"#, "prompt"),
        ([("nonsense[a]", "x")], #""nonsense": {"a": "x"}"#, "nonsense"),
        ([("video_reference[0]", "x")], #""video_reference": ["x"]"#, "video_reference"),
    ])
    func refusesAsWithJSON(_ parts: [(String, String)], _ json: String, _ field: String) async throws {
        let server = try await server()
        try await server.run { client in
            let isPrompt = parts[0].0.hasPrefix("prompt")
            let fromForm = try await client.post(
                "/v1/videos", form: isPrompt ? Array(form(parts).dropFirst()) : form(parts))
            let fromJSON = try await client.post("/v1/videos", isPrompt ? "{\(json)}" : #"{"prompt": "a", \#(json)}"#)
            #expect(fromForm.status == 400 && fromForm.param == field, "\(fromForm.text)")
            #expect(fromForm.message == fromJSON.message && fromForm.code == fromJSON.code && fromJSON.param == field)
        }
    }

    @Test(arguments: [
        ([("seconds", "1"), ("seconds", "2")], "seconds"), ([("image_reference", "[1")], "image_reference"),
        ([("@num_frames", "\u{FC}")], "num_frames"),
    ])
    func refusesByName(_ parts: [(String, String)], _ field: String) async throws {
        let server = try await server()
        try await server.run { client in
            let answer = try await client.post("/v1/videos", form: form(parts))
            #expect(answer.status == 400 && answer.param == field, "\(answer.text)")
        }
    }
}
