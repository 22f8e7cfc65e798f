internal import Diffusion
internal import Engine
internal import Foundation
internal import Media

/// What came of one prompt.
public struct VisualGenOutput: Sendable {
    /// The request's number, the same for all prompts of one list; from 0.
    public let requestID: Int
    /// The prompt.
    public let prompt: String
    /// What the noise was drawn from; asking again with it gives the same pictures.
    public let seed: UInt64
    /// The pictures; empty if there is an error.
    public private(set) var images: [GeneratedImage] = []
    /// Why there are none; only in the results of lists, since a single prompt's error is thrown.
    public private(set) var error: VisualGenError?
    /// How long it took; nil if there is an error.
    public private(set) var metrics: VisualGenMetrics?

    init(_ requestID: Int, _ request: GenerationRequest, _ result: WorkerResult) {
        self.init(requestID, request)
        let pixels = result.pixels
        images = (0..<pixels.count).map {
            GeneratedImage(height: pixels.height, width: pixels.width, pixels: pixels.picture($0))
        }
        metrics = VisualGenMetrics(result.times)
    }

    init(_ requestID: Int, _ request: GenerationRequest, _ error: VisualGenError) {
        self.init(requestID, request)
        self.error = error
    }

    private init(_ requestID: Int, _ request: GenerationRequest) {
        (self.requestID, prompt, seed) = (requestID, request.prompts.first ?? "", request.seeds.first ?? 0)
    }

    /// The picture, the first if there are several.
    public var image: GeneratedImage? { images.first }

    /// Writes the pictures; each file appears whole or not at all.
    ///
    /// - Parameters:
    ///   - path: its extension picks the format, PNG, JPEG or WebP; of several pictures `%d` in it is the number, or
    ///     `name.png` becomes `name-0.png`, `name-1.png`, …
    ///   - quality: 1 to 100, of JPEG and WebP
    /// - Returns: the files' paths
    /// - Throws: ``VisualGenError``, the output's own if it is one
    @discardableResult
    public func save(_ path: String, quality: Int = 95) throws(VisualGenError) -> [String] {
        if let error { throw error }
        guard (1...100).contains(quality) else {
            throw .invalidParameters(["quality is \(quality); it must be from 1 to 100"])
        }
        let paths = NumberedPaths(path, count: images.count).paths
        do {
            for (image, path) in zip(images, paths) {
                let encoding: ImageEncoding =
                    switch try ImageFormat(path: path) {
                    case .png: .png(text: [])
                    case .jpeg: .jpeg(quality: quality)
                    case .webp: .webp(quality: quality)
                    }
                try Image(width: image.width, height: image.height, pixels: image.pixels).write(to: path, as: encoding)
            }
        } catch {
            throw VisualGenError(error)
        }
        return paths
    }
}

/// A picture as it came from a model.
public struct GeneratedImage: Sendable, Equatable {
    /// In pixels.
    public let height, width: Int
    /// Red, green and blue of each pixel, rows from the top, `[height, width, 3]`.
    public let pixels: [UInt8]
}
