import Engine
import Foundation
import HTTPTypes
import Server
import TestKit
import Testing

/// What is here already, and what counts, when no more may come.
@Suite struct FullQueueTests {
    private static let path = "/v1/videos"
    private static let body = #"{"prompt": "a lake"}"#

    /// The same request again is not one more.
    @Test(arguments: ["idempotency-key", "x-stainless-retry-count"])
    func aRepeatFindsItsJobOnAFullQueue(_ header: String) async throws {
        let server = try await TestServer(
            { ($0.makesVideos, $0.isHeld) = (true, true) }, settings: { $0.limits.waiting = 2 })
        try await server.run { client in
            let again = [header: "1"]
            let first = try await client.post(Self.path, Self.body, headers: again)
            #expect(first.status == 202)
            #expect(try await server.wait { server.worker.isBusy })
            for number in 0..<2 {
                #expect(try await client.post(Self.path, #"{"prompt": "\#(number)"}"#).status == 202)
            }
            #expect(try await client.post(Self.path, #"{"prompt": "b"}"#).code == "queue_full")
            let repeated = try await client.post(Self.path, Self.body, headers: again)
            #expect(repeated.status == 202, "\(repeated.text)")
            #expect(repeated.json["id"] as? String == first.json["id"] as? String)
            if header == "idempotency-key" {
                let other = try await client.post(Self.path, #"{"prompt": "b"}"#, headers: again)
                #expect(other.status == 422 && other.code == "idempotency_key_reused")
            }
            server.worker.change { $0.isHeld = false }
        }
    }

    /// Jobs that come to nothing do not fill the disk: their rows go as soon as they are too much.
    @Test func failedJobsDoNotOutgrowTheStore() async throws {
        let limit = 1 << 20
        let server = try await TestServer(
            {
                ($0.makesVideos, $0.step) = (true, .zero)
                $0.failures = [Self.long: .noPixels]
            }, settings: { $0.limits.storageBytes = limit })
        try await server.run { client in
            let body = try JSONSerialization.data(withJSONObject: ["prompt": Self.long])
            for _ in 0..<60 {
                let asked = try await client.post("/v1/videos", String(decoding: body, as: UTF8.self))
                #expect(asked.status == 202)
                #expect(try await server.wait { try await server.core.jobs.store.unfinished().isEmpty })
            }
            let census = try await server.core.jobs.store.census()
            #expect(census.bytes < limit + limit / 8, "\(census.bytes)")
            #expect((census.counts["failed"] ?? 0) > 4)
        }
        let size = try FileManager.default.attributesOfItem(atPath: server.core.jobs.folder.storePath)[.size] as? Int
        #expect(size ?? .max < 3 * limit, "\(size ?? 0)")
    }

    private static let long = String(repeating: "é", count: 32_000)
}
