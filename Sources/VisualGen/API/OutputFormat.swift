package import Diffusion
package import Media

/// What kind of file an output becomes.
package enum OutputFormat: Equatable, Sendable {
    case image(ImageFormat)
    case video(VideoFormat)

    /// The format that a file's name asks for.
    ///
    /// A video of one frame may become an image.
    ///
    /// - Parameters:
    ///   - path: its extension counts; a folder's name ends in `/`
    ///   - frames: of each video; nil for images
    /// - Throws: ``RequestError`` where the name does not fit what is made
    package init(path: String, frames: Int?) throws(RequestError) {
        let (image, video) = (try? ImageFormat(path: path), try? VideoFormat(path: path))
        // In a%d.png the number is the image's, in a%05d.png it can only be a frame's.
        let isNumbered = video == .images && !path.contains("%d")
        if let image, (frames ?? 1) == 1, frames == nil || !isNumbered {
            self = .image(image)
        } else if let video, frames != nil {
            self = .video(video)
        } else {
            throw .value("output", found: path.isEmpty ? "empty" : path, expected: Self.expected(frames))
        }
    }

    /// The format of a name.
    ///
    /// - Parameters:
    ///   - name: such as `png` or `mp4`
    ///   - frames: of each video; nil for images
    /// - Throws: ``RequestError`` where the format does not fit what is made
    package init(named name: String, frames: Int?) throws(RequestError) {
        let image = ImageFormat.allCases.first { $0.fileExtensions.contains(name.lowercased()) }
        let video = VideoFormat.allCases.first { $0.fileExtension == name.lowercased() }
        if let image, (frames ?? 1) == 1 {
            self = .image(image)
        } else if let video, frames != nil {
            self = .video(video)
        } else {
            let known = frames == nil ? ["png", "jpeg", "webp"] : VideoFormat.allCases.compactMap(\.fileExtension)
            throw .value("format", found: name, expected: Self.list(known))
        }
    }

    /// How many frames are asked for: one where nobody says it, the model makes images besides videos, and the output can only be an
    /// image.
    ///
    /// - Parameters:
    ///   - asked: what the user says
    ///   - path: where the output goes; nil if that is left open
    ///   - name: the format's name; nil for what the path says
    ///   - imageDefaults: the model's own choices for images, where it makes them besides videos
    /// - Returns: nil where it is the model's choice
    package static func frames(
        _ asked: Int?, savingTo path: String?, format name: String? = nil, _ imageDefaults: GenerationRequest?
    ) -> Int? {
        guard asked == nil, imageDefaults != nil, let path else { return asked }
        return isImage(path, name) ? 1 : nil
    }

    /// Whether a file can only be an image's: WebP and numbered PNGs may be videos too.
    private static func isImage(_ path: String, _ name: String?) -> Bool {
        guard let name else {
            return (try? OutputFormat(path: path, frames: nil)) != nil && (try? VideoFormat(path: path)) == nil
        }
        let isVideo = VideoFormat.allCases.contains { $0.fileExtension == name.lowercased() }
        return (try? OutputFormat(named: name, frames: nil)) != nil && !isVideo
    }

    /// Where several outputs go.
    ///
    /// - Parameters:
    ///   - path: `%d` in it is an output's number from 0 on, but in `name-%d.png` of one video a frame's; without it
    ///     `name.png` becomes `name-0.png`, `name-1.png`, … where there are several
    ///   - count: how many outputs there are
    /// - Returns: a path for each
    /// - Throws: ``RequestError`` where several videos would become the same files
    package func paths(_ path: String, count: Int) throws(RequestError) -> [String] {
        guard self == .video(.images), !path.hasSuffix("/") else { return NumberedPaths(path, count: count).paths }
        if count == 1 { return [path] }
        let paths = NumberedPaths(path, count: count).paths
        guard path.contains("%d"), paths.allSatisfy({ (try? VideoFormat(path: $0)) == .images }) else {
            throw .value(
                "output", found: path,
                expected: "a folder's name that ends in /, or have %d for the video's number and %05d for the frame's, "
                    + "since there are \(count) videos")
        }
        return paths
    }

    private static func expected(_ frames: Int?) -> String {
        let images = list(ImageFormat.allCases.flatMap(\.fileExtensions).map { ".\($0)" })
        guard let frames else { return "a name that ends in \(images): this model makes images" }
        let videos = list(VideoFormat.allCases.compactMap(\.fileExtension).map { ".\($0)" })
        return "a name that ends in \(videos), in / for a folder of PNG files or in .png with %d for their numbers"
            + (frames == 1 ? ", or in \(images)" : ": a video of \(frames) frames is made")
    }

    private static func list(_ items: [String]) -> String {
        "\(items.dropLast().joined(separator: ", ")) or \(items.last ?? "")"
    }
}
