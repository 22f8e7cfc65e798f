package import Diffusion
package import Media
internal import Synchronization

/// The frames that a checker is shown of what a pipeline makes: of each image all of it, of a video some from its beginning to
/// its end.
package final class OutputSample: Sendable {
    /// Of one image or video.
    struct Output: Sendable {
        fileprivate(set) var frames: [GuardrailQuestion.Picture] = []
        /// How many the whole has.
        let frameCount: Int
    }

    private let limit: Int
    private let outputs = Mutex<[Output]>([])

    /// - Parameter limit: of a video so many frames, at least 1
    package init(frames limit: Int) { self.limit = limit }

    /// Takes a part; one with the first frame begins anew.
    ///
    /// - Parameter part: parts come in the order of their frames
    /// - Throws: `MediaError`
    package func add(_ part: OutputPart) throws {
        guard case .pixels(let part) = part else { return }
        let count = part.shape.frames ?? 1
        if part.firstFrame == 0 {
            outputs.withLock { $0 = Array(repeating: Output(frameCount: count), count: part.shape.count) }
        }
        for index in Self.places(limit, of: count) {
            let frame = index - part.firstFrame
            guard (0..<part.frameCount).contains(frame) else { continue }
            for item in 0..<part.shape.count {
                var picture = try GuardrailQuestion.Picture(part.image(item, frame))
                picture.index = index
                outputs.withLock { $0[item].frames.append(picture) }
            }
        }
    }

    /// What was made, whole.
    ///
    /// - Parameter request: what it was made of
    /// - Throws: ``EngineError/noPixels`` where an image, a video or a frame of it is missing
    func outputs(of request: GenerationRequest) throws(EngineError) -> [Output] {
        let outputs = outputs.withLock { $0 }
        guard outputs.count == request.outputCount,
            outputs.allSatisfy({ $0.frames.count == Self.places(limit, of: $0.frameCount).count })
        else { throw .noPixels }
        return outputs
    }

    /// Evenly spaced, the first and the last frame among them; one alone is the middle.
    ///
    /// - Parameters:
    ///   - limit: how many
    ///   - count: of how many; where there are fewer, all
    private static func places(_ limit: Int, of count: Int) -> [Int] {
        if count <= limit { return Array(0..<count) }
        return limit == 1 ? [count / 2] : (0..<limit).map { $0 * (count - 1) / (limit - 1) }
    }
}

extension PixelPart {
    /// One frame, or one image.
    ///
    /// - Parameters:
    ///   - item: of which video, or which image
    ///   - frame: counted from the part's first
    /// - Throws: `MediaError`
    package func image(_ item: Int, _ frame: Int = 0) throws(MediaError) -> Image {
        try Image(width: shape.width, height: shape.height, pixels: self.frame(item, frame))
    }
}
