internal import Diffusion
internal import Engine
internal import Media
internal import Synchronization
internal import VisualGen

/// Images, written together when the last is there.
final class ImageOutput: Output {
    private let paths: [String]
    private let recipes: [Recipe]
    private let collector = PixelCollector()
    private let elapsed = Mutex(0.0)

    /// - Parameters:
    ///   - paths: where each image goes
    ///   - recipes: how each is made
    init(_ paths: [String], _ recipes: [Recipe]) { (self.paths, self.recipes) = (paths, recipes) }

    var seconds: Double { elapsed.withLock { $0 } }

    func deliver(_ part: PixelPart) { collector.add(part) }

    func finish() throws {
        guard let pixels = collector.pixels else { throw EngineError.noPixels }
        try elapsed.withLock { seconds in
            try timed(&seconds) {
                for (index, path) in paths.enumerated() {
                    let image = try Image(width: pixels.width, height: pixels.height, pixels: pixels.item(index))
                    try image.write(to: path, as: Self.encoding(of: path, recipes[index]))
                }
            }
        }
    }

    func abandon() {}

    /// What the extension asks for; a PNG also carries how it was made.
    private static func encoding(of path: String, _ recipe: Recipe) throws -> ImageEncoding {
        let format = try ImageFormat(path: path)
        return format == .png ? .png(text: recipe.texts) : ImageEncoding(format)
    }
}
