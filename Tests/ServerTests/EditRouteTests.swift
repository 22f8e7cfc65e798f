import Diffusion
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

@Suite struct EditRouteTests {
    private static let path = "/v1/images/edits"

    private func png(_ width: Int = 20, _ height: Int = 10) throws -> [UInt8] {
        try Image(width: width, height: height, pixels: [UInt8](repeating: 9, count: 3 * width * height))
            .encoded(.png())
    }

    private var prompt: (name: String, value: [UInt8]) { ("prompt", Array("a".utf8)) }

    @Test func aModelThatCannotEditSaysSo() async throws {
        let server = try await TestServer()
        try await server.run { client in
            let answer = try await client.post(Self.path, form: [prompt, ("@image", try png())])
            #expect(answer.status == 400 && answer.code == "model_cannot_edit", "\(answer.text)")
        }
    }

    @Test func takesImagesFromFormsAndFromJSON() async throws {
        let server = try await TestServer({ $0.takesImages = true })
        try await server.run { client in
            let one = try await client.post(Self.path, form: [prompt, ("@image", try png())])
            #expect(one.status == 200, "\(one.text)")
            let three = try await client.post(
                Self.path, form: [prompt] + [try png(), try png(4, 4), try png()].map { ("@image[]", $0) })
            #expect(three.status == 200, "\(three.text)")
            let base64 = Data(try png()).base64EncodedString()
            for value in ["\"\(base64)\"", "[\"data:image/png;base64,\(base64)\"]"] {
                let json = try await client.post(Self.path, #"{"prompt": "a", "image": \#(value)}"#)
                #expect(json.status == 200, "\(json.text)")
            }
            #expect(server.worker.requests.map(\.images.count) == [1, 3, 1, 1])
            #expect(server.worker.requests[0].images[0].pixels.shape.width == 20)
        }
    }

    @Test func refusesImagesThatCannotBeUsed() async throws {
        let server = try await TestServer({ $0.takesImages = true }, settings: { $0.limits.inputPixels = 1000 })
        try await server.run { client in
            let good = try png()
            let bad: [[UInt8]] = [[], [1], Array(good.prefix(40)), Array(good.dropLast(30)), try png(100, 100)]
            for bytes in bad {
                let answer = try await client.post(Self.path, form: [prompt, ("@image", bytes)])
                #expect(answer.status == 400 && answer.param == "image" && answer.code == "invalid_image")
            }
            let many = try await client.post(
                Self.path, form: [prompt] + [[UInt8]](repeating: good, count: 17).map { ("@image[]", $0) })
            #expect(many.status == 400 && many.param == "image", "\(many.text)")
            let mask = try await client.post(Self.path, form: [prompt, ("@image", good), ("@mask", good)])
            #expect(mask.param == "mask")
            #expect(try await client.post(Self.path, form: [prompt]).param == "image")
            let other = try await client.post(Self.path, form: [prompt, ("@image", good), ("@file", good)])
            #expect(other.param == "file" && other.code == "unknown_parameter")
            #expect(server.worker.requests.isEmpty)
        }
    }

    /// URLs are not fetched and files not read, whatever they are written like.
    @Test(arguments: [
        "http://127.0.0.1/x.png", "https://example.com/x.png", "HTTP://127.0.0.1", "http://[::1]/", "http://0x7f000001",
        "http://2130706433/", "http://169.254.169.254/latest", "http://user@127.0.0.1/", "http:\\\\127.0.0.1",
        "ftp://127.0.0.1/", "gopher://127.0.0.1/", "file:///etc/passwd", "FILE:/etc/passwd", "/etc/passwd",
        "../../../etc/passwd", "..%2f..%2fetc", "/dev/zero", "\\u0000", "data:image/png,hello", "data:;base64", "",
        "//127.0.0.1/x", "~/.ssh/id_rsa", "C:\\\\x.png",
    ])
    func fetchesNothing(_ text: String) async throws {
        let server = try await TestServer({ $0.takesImages = true })
        try await server.run { client in
            let answer = try await client.post(Self.path, #"{"prompt": "a", "image": "\#(text)"}"#)
            #expect(answer.status == 400 && answer.param == "image", "\(answer.text)")
            #expect(server.worker.requests.isEmpty)
        }
    }
}
