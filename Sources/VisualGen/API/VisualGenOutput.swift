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
    private var recipes: [Recipe] = []

    init(
        _ requestID: Int, _ request: GenerationRequest, _ result: WorkerResult, recipe: (_ picture: Int) -> Recipe
    ) {
        self.init(requestID, request)
        let pixels = result.pixels
        images = (0..<pixels.shape.count).map {
            GeneratedImage(height: pixels.shape.height, width: pixels.shape.width, pixels: pixels.item($0))
        }
        recipes = (0..<pixels.shape.count).map(recipe)
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
    ///   - path: of several pictures `%d` in it is the number, or `name.png` becomes `name-0.png`, `name-1.png`, …
    ///   - format: `png`, which carries how the picture was made, `jpeg` or `webp`; what the path's extension says
    ///     if nil
    ///   - quality: 1 to 100, of JPEG and WebP
    /// - Returns: the files' paths
    /// - Throws: ``VisualGenError``, the output's own if it is one
    @discardableResult
    public func save(_ path: String, format: String? = nil, quality: Int = 95) throws(VisualGenError) -> [String] {
        if let error { throw error }
        guard (1...100).contains(quality) else {
            throw .invalidParameters(["quality is \(quality); it must be from 1 to 100"])
        }
        let named = ImageFormat.allCases.first { $0.fileExtensions.contains(format?.lowercased() ?? "") }
        if let format, named == nil {
            throw .invalidParameters(["format is \(format); it must be png, jpeg or webp"])
        }
        let paths = NumberedPaths(path, count: images.count).paths
        do {
            for (index, path) in paths.enumerated() {
                let encoding: ImageEncoding =
                    switch try named ?? ImageFormat(path: path) {
                    case .png: .png(text: recipes[index].texts)
                    case .jpeg: .jpeg(quality: quality)
                    case .webp: .webp(quality: quality)
                    }
                let image = images[index]
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
