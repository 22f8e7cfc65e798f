import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct ByteRangesTests {
    @Test(arguments: [
        ("bytes=0-9", [0...9]), ("bytes=90-", [90...99]), ("bytes=-5", [95...99]), ("bytes=0-0", [0...0]),
        ("bytes=0-99", [0...99]), ("bytes=50-100", [50...99]), ("bytes=99-99", [99...99]), ("bytes=-100", [0...99]),
        ("bytes=0-99999999999999999999999", [0...99]), ("bytes=-99999999999999999999999", [0...99]),
        ("bytes=0-18446744073709551615", [0...99]), ("BYTES=0-9", [0...9]), ("Bytes = 0-9", [0...9]),
        ("bytes= 0-9 , 20-29", [0...9, 20...29]), ("bytes=20-29,0-9", [20...29, 0...9]), ("bytes=,0-9,,", [0...9]),
        ("bytes=0-9,10-19", [0...19]), ("bytes=5-9,0-7,90-", [0...9, 90...99]), ("bytes=0-9,200-300", [0...9]),
        ("bytes=200-,-5,100-", [95...99]), ("bytes=99999999999999999999999-,0-1", [0...1]), ("bytes=-0,0-1", [0...1]),
    ])
    func readsRanges(_ header: String, _ ranges: [ClosedRange<Int>]) {
        #expect(ByteRanges(header, size: 100) == .parts(ranges))
    }

    @Test(arguments: ["lines=1-2", "items=0-9", "byte=0-1", "bytes", "", "none", "bytesx=0-1"])
    func ignoresOtherUnits(_ header: String) { #expect(ByteRanges(header, size: 100) == .whole) }

    @Test(arguments: [
        "bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999999-", "bytes=5-1", "bytes=a-b", "bytes=",
        "bytes=-", "bytes=--1", "bytes=1", "bytes=0x1-", "bytes=+1-2", "bytes=0-1,x", "bytes=1-2-3", "bytes=0 - 1",
        "bytes=18446744073709551616-18446744073709551617",
    ])
    func knowsWhatThereIsNot(_ header: String) { #expect(ByteRanges(header, size: 100) == .unsatisfiable) }

    @Test func anEmptyFileHasNoRanges() {
        for header in ["bytes=0-", "bytes=-1", "bytes=0-0"] {
            #expect(ByteRanges(header, size: 0) == .unsatisfiable)
        }
    }

    @Test func manyRangesAreTheWhole() {
        let many = (0..<4000).map { "\(2 * $0)-\(2 * $0)" }.joined(separator: ",")
        #expect(ByteRanges("bytes=\(many)", size: 100_000) == .whole)
        let same = [String](repeating: "0-", count: 4000).joined(separator: ",")
        #expect(ByteRanges("bytes=\(same)", size: 100) == .parts([0...99]))
    }

    @Test func servesRangesOfAVideo() async throws {
        let server = try await TestServer({ $0.makesVideos = true })
        try await server.run { client in
            let made = try await client.send(
                .post, "/v1/videos/sync", #"{"prompt": "a fox"}"#, headers: ["range": "bytes=0-1"])
            #expect(made.status == 200)
            let list = try await client.get("/v1/videos").json["data"] as? [[String: Any]]
            let path = "/v1/videos/\(try #require(list?.first?["id"] as? String))/content"
            func get(_ headers: [String: String]) async throws -> Client.Answer {
                try await client.get(path, headers: headers)
            }

            let whole = try await get([:])
            let tag = try #require(whole[header: "etag"])
            #expect(whole.body == made.body && whole[header: "accept-ranges"] == "bytes")
            #expect(try await get(["range": "lines=0-1"]).status == 200)
            let missing = try await get(["range": "bytes=99999999-"])
            #expect(missing.status == 416 && missing[header: "content-range"] == "bytes */\(made.body.count)")

            let head = try await client.send(.head, path, headers: ["range": "bytes=0-1"])
            #expect(head.status == 200 && head[header: "content-length"] == "\(made.body.count)")

            for condition in ["\"other\"", "W/\(tag)", "Sat, 28 Nov 2026 10:00:00 GMT", "\"\"", "x"] {
                let answer = try await get(["range": "bytes=0-1", "if-range": condition])
                #expect(answer.status == 200 && answer.body == made.body, "\(condition)")
            }
            let same = try await get(["range": "bytes=0-1", "if-range": tag])
            #expect(same.status == 206 && same.body == made.body.prefix(2))
            #expect(try await get(["if-none-match": "\"x\", W/\(tag)"]).status == 304)
            #expect(try await get(["if-none-match": "\"x\""]).status == 200)

            let one = try await get(["range": "bytes=4-7,99999999-"])
            #expect(one.status == 206 && one.body == made.body[4..<8])
            let two = try await get(["range": "bytes=-3,4-7"])
            let type = try #require(two[header: "content-type"])
            let boundary = try #require(type.split(separator: "boundary=").last)
            #expect(two.status == 206 && type.hasPrefix("multipart/byteranges;"))
            #expect(two[header: "content-length"] == "\(two.body.count)")
            let size = made.body.count
            var expected = Data()
            for range in [size - 3...size - 1, 4...7] {
                let header = "\r\n--\(boundary)\r\nContent-Type: video/mp4\r\nContent-Range: bytes "
                expected +=
                    Data("\(header)\(range.lowerBound)-\(range.upperBound)/\(size)\r\n\r\n".utf8) + made.body[range]
            }
            #expect(two.body == expected + Data("\r\n--\(boundary)--\r\n".utf8))
        }
    }
}
