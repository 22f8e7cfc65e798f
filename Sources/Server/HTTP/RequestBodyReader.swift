internal import Files
internal import HTTPTypes
package import Hummingbird
internal import HummingbirdCore
internal import NIOCore

extension Request {
    /// Waits for the body; the request keeps it.
    ///
    /// - Parameter limits: how long it may be, and take
    /// - Returns: its bytes
    /// - Throws: ``APIError``
    package mutating func readBody(_ limits: ServerLimits) async throws -> [UInt8] {
        let tooLarge = APIError.invalid(
            "the body is larger than \(limits.bodyBytes) bytes", code: "body_too_large", status: .contentTooLarge)
        if let length = headers[.contentLength].flatMap({ Int($0) }), length > limits.bodyBytes { throw tooLarge }
        let body = body
        let buffer: ByteBuffer
        do {
            buffer = try await withThrowingTaskGroup(of: ByteBuffer?.self) { group in
                group.addTask { try await body.collect(upTo: limits.bodyBytes) }
                group.addTask {
                    try await Task.sleep(for: .seconds(limits.bodySeconds))
                    return nil
                }
                defer { group.cancelAll() }
                guard let buffer = try await group.next() ?? nil else {
                    throw APIError.invalid(
                        "the body took longer than \(limits.bodySeconds) s", code: "body_too_slow",
                        status: .requestTimeout)
                }
                return buffer
            }
        } catch is NIOTooManyBytesError {
            throw tooLarge
        }
        self.body = RequestBody(buffer: buffer)
        return Array(buffer: buffer)
    }

    /// Reads the fields of a JSON object or of a form.
    ///
    /// - Parameters:
    ///   - limits: what a body may have
    ///   - allowsForm: whether a form will do
    /// - Returns: the fields
    /// - Throws: ``APIError``
    mutating func readFields(_ limits: ServerLimits, allowsForm: Bool = true) async throws -> RequestFields {
        let contentType = headers[.contentType] ?? ""
        let parameters = HeaderParameters.read(contentType[...])
        let kind = parameters[""]?.lowercased() ?? ""
        guard kind == "application/json" || allowsForm && kind == "multipart/form-data" else {
            let wanted = allowsForm ? "application/json or multipart/form-data" : "application/json"
            throw APIError.invalid(
                "content-type is \(kind.quoted); it must be \(wanted)", code: "unsupported_content_type",
                status: .unsupportedMediaType)
        }
        let bytes = try await readBody(limits)
        if kind == "application/json" {
            var reader = StrictJSONReader(bytes)
            guard case .object(let members) = try reader.value() else {
                throw APIError.invalid("the body is no JSON object", code: "invalid_json")
            }
            try reader.end()
            return try RequestFields(members)
        }
        guard let boundary = parameters["boundary"], (1...70).contains(boundary.utf8.count) else {
            throw APIError.invalid("content-type has no boundary of 1 to 70 characters", code: "invalid_form")
        }
        do {
            return try RequestFields(MultipartForm(bytes, boundary: boundary, limits: limits))
        } catch let error as MultipartError {
            throw APIError.invalid("\(error)", code: "invalid_form")
        }
    }
}
