internal import Files
internal import HTTPTypes
internal import Hummingbird

/// A file of a job's as an answer, whole or the part that a player asks for.
struct FileResponse {
    let path: String
    /// What HTTP calls its kind.
    let mediaType: String
    /// What a browser calls it that saves it.
    let name: String

    /// - Parameters:
    ///   - request: its `Range` is heeded
    ///   - context: the request's
    /// - Returns: 200, 206 or 416
    /// - Throws: ``APIError`` where the file is gone
    func response(to request: Request, _ context: APIContext) async throws -> Response {
        guard let size = try? InputFile(reading: path).regularFileSize() else {
            throw APIError.notFound("file", name)
        }
        var headers: HTTPFields = [
            .contentType: mediaType, .acceptRanges: "bytes", .cacheControl: "private, max-age=3600",
            .contentDisposition: "inline; filename=\"\(name)\"",
        ]
        headers[HeaderNames.contentTypeOptions] = "nosniff"
        guard let asked = request.headers[.range] else {
            let body = try await FileIO().loadFile(path: path, context: context)
            return Response(status: .ok, headers: headers, body: body)
        }
        guard let range = Self.range(asked, size: size) else {
            headers[.contentRange] = "bytes */\(size)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        }
        headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound)/\(size)"
        let body = try await FileIO().loadFile(path: path, range: range, context: context)
        return Response(status: .partialContent, headers: headers, body: body)
    }

    /// The bytes of one range; several ranges at once are not served.
    ///
    /// - Parameters:
    ///   - text: such as `bytes=0-99`, `bytes=100-` or `bytes=-100`
    ///   - size: of the file
    /// - Returns: nil if there are no such bytes
    static func range(_ text: String, size: Int) -> ClosedRange<Int>? {
        guard text.hasPrefix("bytes="), !text.contains(",") else { return nil }
        let ends = text.dropFirst(6).split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard ends.count == 2 else { return nil }
        if ends[0].isEmpty {
            guard let count = Int(ends[1]), count > 0, size > 0 else { return nil }
            return max(0, size - count)...size - 1
        }
        guard let first = Int(ends[0]), (0..<size).contains(first) else { return nil }
        guard !ends[1].isEmpty else { return first...size - 1 }
        guard let last = Int(ends[1]), last >= first else { return nil }
        return first...min(last, size - 1)
    }
}
