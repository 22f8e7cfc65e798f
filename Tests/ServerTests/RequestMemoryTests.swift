import Diffusion
import Foundation
import HTTPTypes
import Media
import Server
import TestKit
import Testing

/// All requests share one budget of memory.
@Suite struct RequestMemoryTests {
    @Test func aShareIsGivenBack() throws {
        let memory = RequestMemory(limit: 80 << 20)
        let share = memory.share()
        try share.grow(by: 10 << 20)
        share.take(5)
        share.shrink(by: 1 << 20)
        #expect(memory.bytes == 9 << 20 + 5)
        share.end()
        #expect(memory.bytes == 0)
        share.end()
        do {
            let lost = memory.share()
            try lost.grow(by: 7)
        }
        #expect(memory.bytes == 0)
    }

    @Test func largeRequestsLeaveRoomForSmallOnes() throws {
        let memory = RequestMemory(limit: 80 << 20)
        let large = memory.share()
        try large.grow(by: 60 << 20)
        let next = memory.share()
        let busy = try #require(#expect(throws: APIError.self) { try next.grow(by: 11 << 20) })
        #expect(busy.status.code == 503 && busy.retryAfter != nil && busy.code == "server_busy")
        try next.grow(by: 10 << 20)
        let small = (0..<10).map { _ in memory.share() }
        for share in small { try share.grow(by: 1 << 20) }
        #expect(throws: APIError.self) { try memory.share().grow(by: 1) }
        #expect(memory.bytes == 80 << 20)
        for share in [large, next] + small { share.end() }
        #expect(memory.bytes == 0)
        let never = try #require(#expect(throws: APIError.self) { try large.grow(by: 71 << 20) })
        #expect(never.status.code == 413 && never.retryAfter == nil)
    }

    private static let post =
        "POST /v1/images/generations HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"

    /// Bodies that never end are counted as far as they have come; what has no room is sent away, and small ones are served.
    @Test func unfinishedBodiesAreCounted() async throws {
        let server = try await TestServer(settings: {
            $0.limits.requestMemory = 8 << 20
            $0.limits.bodyBytes = 4 << 20
        })
        let memory = server.core.memory
        try await server.run { client in
            let port = client.port
            var held: [RawClient] = []
            for count in 1...2 {
                let raw = try RawClient(port: port)
                raw.send(Self.post + "Content-Length: \(4 << 20)\r\n\r\n")
                raw.send([UInt8](repeating: 32, count: 3 << 20))
                held.append(raw)
                #expect(try await server.wait { memory.bytes == count * (3 << 20) })
            }
            let late = try RawClient(port: port)
            late.send(Self.post + "Content-Length: \(4 << 20)\r\n\r\n")
            late.send([UInt8](repeating: 32, count: 3 << 20))
            let answer = try #require(await late.answer())
            #expect(answer.status == 503 && answer.body.contains("server_busy"), "\(answer)")
            #expect(answer.head.lowercased().contains("retry-after: "))
            #expect(memory.bytes == 6 << 20)
            #expect(try await client.post("/v1/images/generations", #"{"prompt": "a"}"#).status == 200)
            for raw in held { raw.finish() }
            held = []
            #expect(try await server.wait { memory.bytes == 0 })
        }
    }

    /// Whatever becomes of a request, it holds nothing afterwards.
    @Test func nothingIsHeldAfterwards() async throws {
        let server = try await TestServer({ $0.takesImages = true })
        try await server.run { client in
            for body in [
                "", "{", #"{"prompt": "a"}"#, #"{"prompt": "a", "nothing": 1}"#, #"{"prompt": "a", "image": "!"}"#,
            ] {
                _ = try await client.post("/v1/images/generations", body)
                _ = try await client.post("/v1/images/edits", body)
                #expect(try await server.wait { server.core.memory.bytes == 0 })
            }
        }
    }

    private static func image() throws -> [UInt8] {
        try Image(width: 20, height: 10, pixels: [UInt8](repeating: 9, count: 600)).encoded(.png())
    }

    /// What a model refuses for their number is not decoded: here nothing could be.
    @Test func imagesAreCountedBeforeTheyAreDecoded() async throws {
        let server = try await TestServer({ $0.makesVideos = true })
        try await server.run { client in
            let files = (0..<16).map { _ in (name: "@image_reference", value: Array("no image".utf8)) }
            let answer = try await client.post("/v1/videos", form: [("prompt", Array("a".utf8))] + files)
            #expect(answer.status == 400 && answer.param == "image_reference", "\(answer.text)")
            #expect(answer.code == "invalid_value", "not invalid_image: \(answer.text)")
        }
    }

    /// Of a job that waits only the file is kept; its pixels are made when its turn comes.
    @Test func waitingJobsHoldNoPixels() async throws {
        let server = try await TestServer({
            ($0.takesImages, $0.isHeld) = (true, true)
        })
        let form = [(name: "prompt", value: Array("a".utf8)), ("@image", try Self.image())]
        try await server.run { (client: Client) async throws in
            let answers = (0..<5).map { _ in Task { try await client.post("/v1/images/edits", form: form) } }
            #expect(try await server.wait { await server.core.queue.waitingCount == 4 && server.worker.isBusy })
            #expect(try await server.wait { server.core.memory.bytes == 2 * 600 })
            server.worker.change { $0.isHeld = false }
            for answer in answers { #expect(try await answer.value.status == 200) }
            #expect(server.worker.requests.map { $0.images.map(\.pixels.width) } == [[20], [20], [20], [20], [20]])
            #expect(try await server.wait { server.core.memory.bytes == 0 })
        }
    }
}
