internal import Diffusion
internal import Media

/// Writes what a request made into files.
struct OutputSaver {
    /// 1 to 100, of JPEG, WebP and AVI.
    let quality: Int
    /// Of MP4 and WebM; nil for the format's own.
    let crf: Int?
    /// Frames a second; nil for a video's own.
    let frameRate: Double?

    /// Writes images or videos.
    ///
    /// - Parameters:
    ///   - images: the images; none where there are videos
    ///   - videos: the videos; none where there are images
    ///   - recipes: how each is made
    ///   - path: where they go
    ///   - name: a format's name; nil for what the path says
    /// - Returns: the files' paths
    /// - Throws: `RequestError` or `MediaError`
    func save(
        _ images: [GeneratedImage], _ videos: [GeneratedVideo], _ recipes: [Recipe], to path: String,
        format name: String?
    ) throws -> [String] {
        guard (1...100).contains(quality) else {
            throw RequestError.value("quality", found: "\(quality)", expected: "from 1 to 100")
        }
        let frames = videos.first?.frameCount
        let format =
            try name.map { name throws(RequestError) in try OutputFormat(named: name, frames: frames) }
            ?? OutputFormat(path: path, frames: frames)
        let paths = try format.paths(path, count: max(images.count, videos.count))
        switch format {
        case .image(let format):
            let images = videos.isEmpty ? images : videos.map { $0.frame(0) }
            for (index, path) in paths.enumerated() {
                try images[index].image.write(to: path, as: encoding(format, recipes[index]))
            }
        case .video(let format):
            for (index, path) in paths.enumerated() {
                try write(videos[index], to: path, as: encoding(format), recipes[index])
            }
        }
        return paths
    }

    private func write(_ video: GeneratedVideo, to path: String, as encoding: VideoEncoding, _ recipe: Recipe) throws {
        let writer = try VideoWriter(
            to: path, width: video.width, height: video.height, rate: FrameRate(frameRate ?? video.frameRate),
            as: encoding, texts: recipe.texts)
        for index in 0..<video.frameCount { try writer.append(video.frame(index).image) }
        try writer.finish()
    }

    private func encoding(_ format: ImageFormat, _ recipe: Recipe) -> ImageEncoding {
        switch format {
        case .png: .png(text: recipe.texts)
        case .jpeg: .jpeg(quality: quality)
        case .webp: .webp(quality: quality)
        }
    }

    private func encoding(_ format: VideoFormat) throws(MediaError) -> VideoEncoding {
        if let crf { return try VideoEncoding(format, crf: crf) }
        return switch format {
        case .webp: .webp(quality: quality)
        case .avi: .motionJPEG(quality: quality)
        case .mp4, .webm, .gif, .images: VideoEncoding(format)
        }
    }
}

extension GeneratedImage {
    fileprivate var image: Image {
        get throws(MediaError) { try Image(width: width, height: height, pixels: pixels) }
    }
}
