internal import Files
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import NIOCore

extension Request {
    /// Waits for the body; the request then has none.
    ///
    /// - Parameters:
    ///   - limits: how long it may be, and take
    ///   - share: the memory that it takes
    /// - Returns: its bytes
    /// - Throws: ``APIError``
    mutating func readBody(_ limits: ServerLimits, _ share: RequestMemory.Share) async throws -> [UInt8] {
        let tooLarge = APIError.invalid(
            "the body is larger than \(limits.bodyBytes) bytes", code: "body_too_large", status: .contentTooLarge)
        let length = headers[.contentLength].flatMap { Int($0) } ?? 0
        if length > limits.bodyBytes { throw tooLarge }
        let body = body
        let bytes = try await withThrowingTaskGroup(of: [UInt8]?.self) { group in
            group.addTask {
                var bytes: [UInt8] = []
                // Memory that nothing was written to yet is none.
                bytes.reserveCapacity(length)
                for try await part in body {
                    guard bytes.count + part.readableBytes <= limits.bodyBytes else { throw tooLarge }
                    try share.grow(by: part.readableBytes)
                    bytes += part.readableBytesView
                }
                return bytes
            }
            group.addTask {
                try await Task.sleep(for: .seconds(limits.bodySeconds))
                return nil
            }
            defer { group.cancelAll() }
            guard let bytes = try await group.next() ?? nil else {
                throw APIError.invalid(
                    "the body took longer than \(limits.bodySeconds) s", code: "body_too_slow",
                    status: .requestTimeout)
            }
            return bytes
        }
        // What was read need not be kept: an empty one is still tied to the connection, which can be watched.
        self.body = RequestBody(buffer: ByteBuffer())
        return bytes
    }

    /// Refuses a body that is compressed.
    private func refuseEncoding() throws(APIError) {
        let encoding = headers[.contentEncoding] ?? ""
        guard !["", "identity"].contains(encoding.lowercased()) else { return }
        throw .invalid(
            "content-encoding is \(encoding.quoted); bodies are taken as they are, without one",
            param: "Content-Encoding", code: "unsupported_content_encoding", status: .unsupportedMediaType)
    }

    /// Reads the fields of a JSON object or of a form.
    ///
    /// - Parameters:
    ///   - limits: what a body may have
    ///   - share: the memory that the body and its fields take
    ///   - allowsForm: whether a form will do
    /// - Returns: the fields
    /// - Throws: ``APIError``
    mutating func readFields(
        _ limits: ServerLimits, _ share: RequestMemory.Share, allowsForm: Bool = true
    ) async throws -> RequestFields {
        try refuseEncoding()
        let contentType = HeaderParameters((headers[.contentType] ?? "").utf8)
        let kind = contentType.value.lowercased()
        guard kind == "application/json" || allowsForm && kind == "multipart/form-data" else {
            let wanted = allowsForm ? "application/json or multipart/form-data" : "application/json"
            throw APIError.invalid(
                "content-type is \(kind.quoted); it must be \(wanted)", code: "unsupported_content_type",
                status: .unsupportedMediaType)
        }
        let bytes = try await readBody(limits, share)
        // Texts and files are copies out of the body, and base64 becomes bytes.
        try share.grow(by: 2 * bytes.count)
        if kind == "application/json" { return try await Blocking.run { try RequestFields(json: bytes, limits) } }
        guard let boundary = contentType["boundary"], (1...70).contains(boundary.utf8.count) else {
            throw APIError.invalid("content-type has no boundary of 1 to 70 characters", code: "invalid_form")
        }
        return try await Blocking.run { try RequestFields(form: bytes, boundary: boundary, limits) }
    }
}

extension RequestFields {
    fileprivate init(json bytes: [UInt8], _ limits: ServerLimits) throws {
        var reader = StrictJSONReader(bytes, keyLimit: limits.nameBytes, valueLimit: limits.values)
        guard case .object(let members) = try reader.value() else {
            throw APIError.invalid("the body is no JSON object", code: "invalid_json")
        }
        try reader.end()
        try self.init(members)
    }

    fileprivate init(form bytes: [UInt8], boundary: String, _ limits: ServerLimits) throws {
        do {
            try self.init(MultipartForm(bytes, boundary: boundary, limits: limits))
        } catch let error as MultipartError {
            throw APIError.invalid("\(error)", code: "invalid_form")
        }
    }
}
