package import Diffusion
internal import Files
internal import Foundation

/// A request with its images as bytes: the length of its parcel in eight bytes, the parcel in JSON, the pixels.
package struct RequestBytes {
    package let bytes: [UInt8]

    /// - Parameter request: with the pixels of its images
    package init(_ request: GenerationRequest) throws {
        let parcel = try RequestParcel(request).messageBody()
        let length = (0..<8).map { UInt8(truncatingIfNeeded: parcel.count >> ($0 * 8)) }
        bytes = length + parcel + request.pictures.flatMap(\.pixels.bytes)
    }

    /// - Parameter bytes: what ``init(_:)`` made
    package init(bytes: [UInt8]) { self.bytes = bytes }

    /// The request.
    ///
    /// - Throws: ``Failure`` where the bytes are anything else
    package func request() throws -> GenerationRequest {
        let garbled = Failure(.bug, "a request on its way to another rank was garbled")
        guard bytes.count >= 8 else { throw garbled }
        let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length >= 0, length <= bytes.count - 8 else { throw garbled }
        let (parcel, pixels) = (try RequestParcel(messageBody: Array(bytes[8..<8 + length])), bytes[(8 + length)...])
        guard pixels.count == parcel.pixelCount ?? 0 else { throw garbled }
        return parcel.unpacked(pixels)
    }
}
