internal import Files
internal import Foundation
package import HTTPTypes
package import Hummingbird

/// An error as OpenAI's clients read it.
package struct APIError: Error, Equatable {
    package let status: HTTPResponse.Status
    /// OpenAI's name for the kind of error.
    package let type: String
    /// What a program can tell it by.
    package let code: String
    /// One sentence that names the field.
    package let message: String
    /// The field.
    package let param: String?
    /// After how many seconds to ask again.
    package let retryAfter: Int?

    /// - Parameters:
    ///   - status: what HTTP calls it
    ///   - type: OpenAI's name for the kind of error
    ///   - code: what a program can tell it by
    ///   - message: one sentence, cut where it is too long
    ///   - param: the field
    ///   - retryAfter: after how many seconds to ask again
    package init(
        _ status: HTTPResponse.Status, _ type: String, code: String, _ message: String, param: String? = nil,
        retryAfter: Int? = nil
    ) {
        (self.status, self.type, self.code, self.message) = (status, type, code, message.cut())
        (self.param, self.retryAfter) = (param?.cut(toBytes: 128), retryAfter)
    }
}

extension APIError {
    /// A request that can never be served as it is.
    ///
    /// - Parameters:
    ///   - message: one sentence that names the field
    ///   - param: the field
    ///   - code: what a program can tell it by
    ///   - status: 400 unless another says more
    /// - Returns: the error
    package static func invalid(
        _ message: String, param: String? = nil, code: String = "invalid_value",
        status: HTTPResponse.Status = .badRequest
    ) -> APIError {
        APIError(status, "invalid_request_error", code: code, message, param: param)
    }

    /// Nothing of that name, or nothing that this key may know of.
    ///
    /// - Parameters:
    ///   - what: such as `video`
    ///   - id: what was asked for
    /// - Returns: the error
    package static func notFound(_ what: String, _ id: String) -> APIError {
        .invalid("there is no \(what) \(id.quoted)", code: "not_found", status: .notFound)
    }

    /// The server cannot serve now.
    ///
    /// - Parameters:
    ///   - message: one sentence
    ///   - retryAfter: after how many seconds to ask again
    /// - Returns: the error
    package static func unavailable(_ message: String, retryAfter: Int = 5) -> APIError {
        APIError(.serviceUnavailable, "server_error", code: "unavailable", message, retryAfter: retryAfter)
    }

    /// What the server keeps was taken away under it: what it wrote would be lost.
    ///
    /// - Parameter name: what is not there any more
    /// - Returns: the error
    package static func storageLost(_ name: String) -> APIError {
        APIError(
            .serviceUnavailable, "server_error", code: "storage_lost",
            "\(name) of the server's storage was removed or replaced while it runs: it must be put back, or the server "
                + "started again", retryAfter: 30)
    }

    /// A fault of the server's; what it is goes to the log, not to the client.
    package static let bug = APIError(
        .internalServerError, "server_error", code: "internal_error", "the server failed; its log says why")
}

extension APIError: HTTPResponseError {
    package func response(from request: Request, context: some RequestContext) throws -> Response {
        var response = try Response.json(ErrorBody(error: .init(self)), status: status)
        if let retryAfter { response.headers[.retryAfter] = "\(retryAfter)" }
        if status.code == 401 { response.headers[.wwwAuthenticate] = "Bearer" }
        return response
    }
}

extension APIError: CustomStringConvertible {
    package var description: String { message }
}

/// The error object on the wire.
struct ErrorBody: Encodable {
    struct Content: Encodable {
        let message, type, code: String
        let param: String?

        init(_ error: APIError) {
            (message, type, code, param) = (error.message, error.type, error.code, error.param)
        }

        // Nulls are told: clients look for all four.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(message, forKey: .message)
            try container.encode(type, forKey: .type)
            try container.encode(param, forKey: .param)
            try container.encode(code, forKey: .code)
        }

        private enum CodingKeys: String, CodingKey { case message, type, param, code }
    }

    let error: Content
}
