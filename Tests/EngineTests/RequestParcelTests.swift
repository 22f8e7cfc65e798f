import Diffusion
import Engine
import Foundation
import Messaging
import Testing

@Suite struct RequestParcelTests {
    private static func image(_ name: String, height: Int, width: Int) -> RequestImage {
        let bytes = (0..<height * width * 3).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ name.utf8.count) }
        return RequestImage(name: name, pixels: PixelBatch(count: 1, height: height, width: width, bytes: bytes))
    }

    private static func request(images: [RequestImage], last: RequestImage?) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a lake"])
        (request.images, request.lastImage, request.seeds) = (images, last, [7])
        return request
    }

    static let requests: [GenerationRequest] = [
        request(images: [], last: nil), request(images: [image("a", height: 3, width: 5)], last: nil),
        request(images: [], last: image("end", height: 1, width: 1)),
        request(
            images: [image("a", height: 2, width: 2), image("bc", height: 40, width: 30)],
            last: image("end", height: 7, width: 1)),
    ]

    @Test(arguments: requests) func comesOutAsItWentIn(_ request: GenerationRequest) throws {
        let buffer = try SharedBuffer()
        let parcel = try RequestParcel(request, into: buffer)
        let message = try JSONEncoder().encode(parcel)
        let read = try JSONDecoder().decode(RequestParcel.self, from: message)
        #expect(try read.unpacked(from: buffer) == request)
        #expect(try buffer.take(0).isEmpty)
    }

    @Test func theMessageStaysSmallHoweverLargeTheImage() throws {
        let request = Self.request(images: [Self.image("a", height: 2000, width: 1500)], last: nil)
        let parcel = try RequestParcel(request, into: SharedBuffer())
        #expect(try JSONEncoder().encode(parcel).count < 1000)
    }

    /// What a job that was called off left in the buffer is not taken for an image.
    @Test func replacesWhatWasInTheBuffer() throws {
        let buffer = try SharedBuffer()
        try buffer.clear(to: 10_000)
        let parcel = try RequestParcel(Self.requests[3], into: buffer)
        #expect(try parcel.unpacked(from: buffer) == Self.requests[3])
    }

    @Test func refusesABufferThatHoldsSomethingElse() throws {
        let buffer = try SharedBuffer()
        let parcel = try RequestParcel(Self.requests[1], into: buffer)
        try buffer.clear(to: 46)
        #expect(throws: MessagingError.self) { try parcel.unpacked(from: buffer) }
    }
}
