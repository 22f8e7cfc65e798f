internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

/// A file of a job's as an answer, whole or the parts that a player asks for.
struct FileResponse {
    let path: String
    /// What HTTP calls its kind.
    let mediaType: String
    /// What a browser calls it that saves it; no other file of the server ever has the same name and size.
    let name: String

    /// - Parameters:
    ///   - request: its `Range`, `If-Range` and `If-None-Match` are heeded
    ///   - context: the request's
    /// - Returns: 200, 206, 304 or 416
    /// - Throws: ``APIError`` where the file is gone
    func response(to request: Request, _ context: APIContext) async throws -> Response {
        guard let size = try? InputFile(reading: path).regularFileSize() else {
            throw APIError.notFound("file", name)
        }
        let tag = "\"\(name)-\(size)\""
        var headers: HTTPFields = [
            .contentType: mediaType, .acceptRanges: "bytes", .cacheControl: "private, no-cache",
            .contentDisposition: "inline; filename=\"\(name)\"", .eTag: tag,
        ]
        headers[HeaderNames.contentTypeOptions] = "nosniff"
        let isRead = request.method == .get || request.method == .head
        if isRead, request.headers[.ifNoneMatch]?.names(tag) ?? false {
            return Response(status: .notModified, headers: headers)
        }
        switch ranges(of: request, size: size, tag: tag) {
        case .whole:
            let body = try await FileIO().loadFile(path: path, context: context)
            return Response(status: .ok, headers: headers, body: body)
        case .unsatisfiable:
            headers[.contentRange] = "bytes */\(size)"
            return Response(status: .rangeNotSatisfiable, headers: headers)
        case .parts(let ranges) where ranges.count == 1:
            headers[.contentRange] = "bytes \(ranges[0].lowerBound)-\(ranges[0].upperBound)/\(size)"
            let body = try await FileIO().loadFile(path: path, range: ranges[0], context: context)
            return Response(status: .partialContent, headers: headers, body: body)
        case .parts(let ranges):
            let parts = FileParts(path: path, mediaType: mediaType, ranges: ranges, size: size)
            headers[.contentType] = parts.mediaType
            return Response(status: .partialContent, headers: headers, body: try await parts.body(context))
        }
    }

    /// What is asked for: only GET knows ranges, and a client that has another version of the file gets the whole.
    private func ranges(of request: Request, size: Int, tag: String) -> ByteRanges {
        guard request.method == .get, let asked = request.headers[.range],
            request.headers[.ifRange].map({ $0 == tag }) ?? true
        else { return .whole }
        return ByteRanges(asked, size: size)
    }
}

extension String {
    /// Whether a list of entity tags, as `If-None-Match` has it, names one.
    fileprivate func names(_ tag: String) -> Bool {
        split(separator: ",").map { ArraySlice($0.utf8).trimmed }.map { String(header: $0) }
            .contains { $0 == "*" || $0 == tag || $0 == "W/\(tag)" }
    }
}
