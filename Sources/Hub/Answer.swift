internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTP1

/// A body that is about to arrive.
struct Answer {
    /// Which bytes of the file it holds.
    enum Extent: Equatable {
        /// All of them; their number where the server tells.
        case whole(Int?)
        /// Those from an offset on; the number of all where the server tells.
        case rest(from: Int, of: Int?)
        /// None, or it is not told which.
        case none
    }

    let extent: Extent
    private let host: String
    private let body: HTTPClientResponse.Body

    init(_ response: HTTPClientResponse, from origin: Origin) {
        host = origin.host
        body = response.body
        let coding = response.headers.first(name: "Content-Encoding") ?? "identity"
        switch response.status.code {
        case 200 where coding == "identity":
            extent = .whole(response.headers.first(name: "Content-Length").flatMap { Int($0) })
        case 206 where coding == "identity":
            extent = response.headers.first(name: "Content-Range").flatMap(Self.rest) ?? .none
        default: extent = .none
        }
    }

    /// Reads `bytes 100-199/200`; the total may be `*`.
    private static func rest(_ text: String) -> Extent? {
        guard let match = text.wholeMatch(of: /bytes (?<first>[0-9]+)-(?<last>[0-9]+)\/(?<total>[0-9]+|\*)/) else {
            return nil
        }
        guard let first = Int(match.output.first), let last = Int(match.output.last), first <= last else { return nil }
        guard let total = Int(match.output.total) else { return .rest(from: first, of: nil) }
        // Less than the rest is as good as none: the end of such a part would look like a cut.
        return last == total - 1 ? .rest(from: first, of: total) : nil
    }

    /// Hands over the body part by part.
    ///
    /// - Parameter consume: takes a part; what it throws comes out unchanged
    /// - Throws: ``PassingFault`` where the connection breaks off; `CancellationError`
    func forEachPart(_ consume: (UnsafeRawBufferPointer) throws -> Void) async throws {
        var madeProgress = false
        var parts = body.makeAsyncIterator()
        while true {
            let part: ByteBuffer?
            do {
                part = try await parts.next()
            } catch {
                throw PassingFault.connection(error, host: host, madeProgress: madeProgress)
            }
            try Task.checkCancellation()
            guard let part else { return }
            try part.withUnsafeReadableBytes(consume)
            madeProgress = madeProgress || part.readableBytes > 0
        }
    }
}
