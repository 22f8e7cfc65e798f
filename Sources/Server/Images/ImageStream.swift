internal import Diffusion
internal import Foundation
internal import HTTPTypes
internal import Hummingbird
internal import HummingbirdCore
internal import Media
internal import NIOCore

/// An image as a stream of events: what it looks like on the way, and the finished one.
struct ImageStream: Sendable {
    /// What a client is told; OpenAI's names.
    private struct Event: Encodable {
        let type: String
        let b64Json: Base64Bytes
        let createdAt: Int
        let background = "opaque"
        let outputFormat: String
        var partialImageIndex: Int?
        let quality = "medium"
        let size: String
        var seed: UInt64?
        var usage: ImageUsage?
    }

    let core: ServerCore
    let job: Job
    let life: LiveJob?
    let asked: ImageRequest
    let task: ImageTask

    /// The stream; it goes on until the image is finished or the client has gone.
    ///
    /// - Parameters:
    ///   - channel: the client's
    ///   - answer: reads the finished image
    /// - Returns: the response
    func response(
        to channel: any Channel, answer: @escaping @Sendable (Job) async throws -> ImagesResponse
    ) -> Response {
        let body = ResponseBody { writer in
            do {
                var index = 0
                let over = try await core.outcome(of: job, life, for: channel) { pixels in
                    try await writer.write(partial(pixels, index))
                    index += 1
                }
                try await writer.write(completed(over, answer(over)))
            } catch {
                let data = try WireJSON.encode(ErrorBody(error: .init(APIError(error))))
                try await writer.write(ByteBuffer(event: "error", data))
            }
            try await writer.finish(nil)
        }
        var response = Response(status: .ok, body: body)
        response.headers[.contentType] = "text/event-stream"
        response.headers[.cacheControl] = "no-store"
        return response
    }

    private func partial(_ pixels: PixelBatch, _ index: Int) throws -> ByteBuffer {
        let format = ImageFormat.allCases.first { $0.mediaType == "image/\(job.work.format)" } ?? .png
        let bytes = try pixels.image(0).encoded(ImageEncoding(format))
        let event = Event(
            type: "\(prefix).partial_image", b64Json: Base64Bytes(bytes: bytes),
            createdAt: Int(Date().timeIntervalSince1970), outputFormat: job.work.format, partialImageIndex: index,
            size: "\(pixels.width)x\(pixels.height)")
        return ByteBuffer(event: event.type, try WireJSON.encode(event))
    }

    private func completed(_ job: Job, _ answer: ImagesResponse) throws -> ByteBuffer {
        let event = Event(
            type: "\(prefix).completed", b64Json: answer.data.first?.b64Json ?? Base64Bytes(bytes: []),
            createdAt: answer.created,
            outputFormat: answer.outputFormat, size: answer.size, seed: answer.seed,
            usage: answer.usage)
        return ByteBuffer(event: event.type, try WireJSON.encode(event))
    }

    private var prefix: String { "image_\(task)" }
}

extension ByteBuffer {
    /// One event of a stream.
    fileprivate init(event name: String, _ data: Data) {
        self.init(bytes: Data("event: \(name)\ndata: ".utf8) + data + Data("\n\n".utf8))
    }
}
