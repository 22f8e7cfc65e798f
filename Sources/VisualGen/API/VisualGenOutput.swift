internal import Diffusion
internal import Engine
internal import Files
internal import Foundation

/// What came of one prompt.
public struct VisualGenOutput: Sendable {
    /// The request's number, the same for all prompts of one list; from 0.
    public let requestID: Int
    /// The prompt.
    public let prompt: String
    /// What the noise was drawn from; asking again with it gives the same images.
    public let seed: UInt64
    /// The images; empty if there is an error, or where videos were made.
    public private(set) var images: [GeneratedImage] = []
    /// The videos; empty if there is an error, or where images were made.
    public private(set) var videos: [GeneratedVideo] = []
    /// The files, where they were written as they were made; there are no images or videos in memory then.
    public private(set) var paths: [String] = []
    /// Why there are none; only in the results of lists, since a single prompt's error is thrown.
    public private(set) var error: VisualGenError?
    /// How long it took; nil if there is an error.
    public private(set) var metrics: VisualGenMetrics?
    /// What was asked for and changes nothing, a sentence for each field, as a negative prompt without guidance.
    public private(set) var warnings: [String] = []
    private var recipes: [Recipe] = []

    init(
        _ requestID: Int, _ request: GenerationRequest, _ notes: [RequestNote], _ result: WorkerResult,
        recipe: (_ image: Int) -> Recipe
    ) {
        self.init(requestID, request)
        warnings = notes.map(\.description)
        let pixels = result.pixels
        let (height, width, count) = (pixels.shape.height, pixels.shape.width, pixels.shape.count)
        if let frames = pixels.shape.frames {
            let rate = request.frameRate ?? 0
            videos = (0..<count).map {
                GeneratedVideo(
                    frameCount: frames, height: height, width: width, frameRate: rate, pixels: pixels.item($0),
                    sound: GeneratedSound(result.sound, of: $0))
            }
        } else {
            images = (0..<count).map {
                GeneratedImage(height: height, width: width, pixels: pixels.item($0))
            }
        }
        recipes = (0..<pixels.shape.count).map(recipe)
        metrics = VisualGenMetrics(result.times)
    }

    init(
        _ requestID: Int, _ request: GenerationRequest, _ notes: [RequestNote], _ times: StageTimes, paths: [String]
    ) {
        self.init(requestID, request)
        warnings = notes.map(\.description)
        (self.paths, metrics) = (paths, VisualGenMetrics(times))
    }

    init(_ requestID: Int, _ request: GenerationRequest, _ notes: [RequestNote], _ error: VisualGenError) {
        self.init(requestID, request)
        warnings = notes.map(\.description)
        self.error = error
    }

    private init(_ requestID: Int, _ request: GenerationRequest) {
        (self.requestID, prompt, seed) = (requestID, request.prompts.first ?? "", request.seeds.first ?? 0)
    }

    /// The image, the first if there are several.
    public var image: GeneratedImage? { images.first }

    /// The video, the first if there are several.
    public var video: GeneratedVideo? { videos.first }

    /// Writes the images or videos; each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - path: of several `%d` in it is the number, or `name.png` becomes `name-0.png`, `name-1.png`, …. A video also
    ///     becomes numbered PNG files where the path ends in `/`, or in `.png` with `%d` or `%05d` for their numbers.
    ///   - format: `png`, `jpeg` or `webp` for images and videos of one frame, `mp4`, `webm`, `webp`, `gif` or `avi`
    ///     for videos; what the path's extension says if nil. All but JPEG, WebP and GIF carry how they were made.
    ///   - frameRate: frames of a video in a second; its own if nil
    ///   - quality: 1 to 100, of JPEG, WebP and AVI
    ///   - crf: of MP4 (0 to 51) and WebM (0 to 63), lower is better; the format's own if nil
    /// - Returns: the files' paths
    /// - Throws: ``VisualGenError``, the output's own if it is one
    @discardableResult
    public func save(
        _ path: String, format: String? = nil, frameRate: Double? = nil, quality: Int = 95, crf: Int? = nil
    ) throws(VisualGenError) -> [String] {
        if let error { throw error }
        if !paths.isEmpty { throw .output("was written to \(paths.quotedList) as it was made, and is not kept") }
        do {
            let options = SaveOptions(path: path, format: format, frameRate: frameRate, quality: quality, crf: crf)
            let outputs = videos.map(\.parts) + images.map { [$0.part] }
            let (paths, encoding) = try options.files(
                outputs.count, frames: videos.first?.frameCount, ownRate: videos.first?.frameRate ?? 0)
            for (index, parts) in outputs.enumerated() {
                let writer = OutputWriter([OutputWriter.File(paths[index], recipes[index])], as: encoding)
                for part in parts { try writer.deliver(part) }
                try writer.finish()
            }
            return paths
        } catch {
            throw VisualGenError(error)
        }
    }
}
