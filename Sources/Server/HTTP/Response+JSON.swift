internal import Foundation
package import HTTPTypes
package import Hummingbird
internal import NIOCore

extension Response {
    /// A value as JSON, its names in snake case.
    ///
    /// - Parameters:
    ///   - value: what is told
    ///   - status: 200 unless another is given
    /// - Returns: the response
    /// - Throws: `EncodingError`
    package static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        json(encoded: try WireJSON.encode(value), status: status)
    }

    /// JSON that was made before.
    ///
    /// - Parameters:
    ///   - data: the JSON
    ///   - status: 200 unless another is given
    /// - Returns: the response
    static func json(encoded data: Data, status: HTTPResponse.Status = .ok) -> Response {
        var response = Response(status: status, body: ResponseBody(byteBuffer: ByteBuffer(bytes: data)))
        response.headers[.contentType] = "application/json"
        return response
    }

    /// A text.
    ///
    /// - Parameters:
    ///   - text: what is told
    ///   - mediaType: what HTTP calls it
    /// - Returns: the response
    package static func text(_ text: String, _ mediaType: String) -> Response {
        var response = Response(status: .ok, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        response.headers[.contentType] = mediaType
        return response
    }
}

extension Response {
    /// A value as JSON, its names as they are.
    ///
    /// - Parameter value: what is told
    /// - Returns: the response
    /// - Throws: `EncodingError`
    static func plainJSON(_ value: some Encodable) throws -> Response {
        .text(String(decoding: try JSONEncoder().encode(value), as: UTF8.self), "application/json")
    }
}
