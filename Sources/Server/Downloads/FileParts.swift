internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// Several parts of a file in one answer: `multipart/byteranges`.
// Source: RFC 9110, 14.6.
struct FileParts {
    private let path: String
    private let size: Int
    private let partType: String
    private let ranges: [ClosedRange<Int>]
    private let boundary = Identifier.new("part")

    /// - Parameters:
    ///   - path: the file
    ///   - mediaType: what HTTP calls its kind
    ///   - ranges: what is asked for, within the file
    ///   - size: of the file
    init(path: String, mediaType: String, ranges: [ClosedRange<Int>], size: Int) {
        (self.path, partType, self.ranges, self.size) = (path, mediaType, ranges, size)
    }

    /// What HTTP calls the answer's kind.
    var mediaType: String { "multipart/byteranges; boundary=\(boundary)" }

    /// - Parameter context: the request's
    /// - Returns: the answer's body, its length known
    /// - Throws: an error of the framework's where the file is gone
    func body(_ context: APIContext) async throws -> ResponseBody {
        var parts: [(header: ByteBuffer, body: ResponseBody)] = []
        for range in ranges {
            let header =
                "\r\n--\(boundary)\r\nContent-Type: \(partType)\r\n"
                + "Content-Range: bytes \(range.lowerBound)-\(range.upperBound)/\(size)\r\n\r\n"
            let body = try await FileIO().loadFile(path: path, range: range, context: context)
            parts.append((ByteBuffer(string: header), body))
        }
        let end = ByteBuffer(string: "\r\n--\(boundary)--\r\n")
        let length = parts.map { $0.header.readableBytes + ($0.body.contentLength ?? 0) }.reduce(0, +)
        return ResponseBody(contentLength: length + end.readableBytes) { [parts] writer in
            for part in parts {
                try await writer.write(part.header)
                try await part.body.write(PartWriter(whole: writer))
            }
            try await writer.write(end)
            try await writer.finish(nil)
        }
    }

    /// Writes one part, after which others come.
    private struct PartWriter: ResponseBodyWriter {
        var whole: any ResponseBodyWriter

        @concurrent mutating func write(_ buffer: ByteBuffer) async throws { try await whole.write(buffer) }

        consuming func finish(_ trailingHeaders: HTTPFields?) async throws {}
    }
}
