package import Diffusion
internal import Engine
package import Media
internal import Synchronization

/// Writes what a pipeline makes into files, each of which appears whole or not at all.
///
/// Images and frames are encoded as they come, so that memory does not grow with a video's length; images are written when
/// the last is there.
package final class OutputWriter: Sendable {
    /// One image or video.
    package struct File: Sendable {
        let path: String
        let recipe: Recipe
        let soundPath: String?

        /// - Parameters:
        ///   - path: where it goes
        ///   - recipe: how it is made
        ///   - soundPath: where its sound goes besides, as a WAV file; nil for nowhere
        package init(_ path: String, _ recipe: Recipe, soundPath: String? = nil) {
            (self.path, self.recipe, self.soundPath) = (path, recipe, soundPath)
        }
    }

    private struct State {
        var sound: SoundPart?
        var videos: [VideoWriter] = []
        var images: [EncodedImage] = []
        var seconds = 0.0
        var isOver = false
    }

    private let files: [File]
    private let encoding: OutputEncoding
    private let state = Mutex(State())

    /// - Parameters:
    ///   - files: one for each image or video
    ///   - encoding: of all of them
    package init(_ files: [File], as encoding: OutputEncoding) { (self.files, self.encoding) = (files, encoding) }

    /// Seconds spent on encoding and writing so far.
    package var seconds: Double { state.withLock { $0.seconds } }

    /// Takes a part; one with the first frame begins the files anew.
    ///
    /// - Parameter part: parts come in the order of their frames
    /// - Throws: `MediaError`, or `CancellationError` once it was given up
    package func deliver(_ part: OutputPart) throws {
        switch part {
        case .sound(let sound): try change { $0.sound = sound }
        case .pixels(let pixels):
            // Locked for one frame at a time: who gives it up does not wait for all.
            for frame in 0..<pixels.frameCount { try change { try add(frame, of: pixels, to: &$0) } }
        }
    }

    /// Gives every file its name.
    ///
    /// - Throws: `MediaError`, ``EngineError/noPixels``, or `CancellationError` once it was given up
    package func finish() throws {
        try change { state in
            if state.videos.isEmpty, state.images.isEmpty { throw EngineError.noPixels }
            for writer in state.videos { try writer.finish() }
            for (item, file) in files.enumerated() {
                if let sound = state.sound, let path = file.soundPath {
                    try VideoSound(sound, of: item).writeWAV(to: path)
                }
            }
            for (file, image) in zip(files, state.images) { try image.write(to: file.path) }
            (state.videos, state.images, state.isOver) = ([], [], true)
        }
    }

    /// Removes what was written under other names; from any thread, and without harm when all is done.
    package func abandon() {
        state.withLock { state in
            for writer in state.videos { writer.cancel() }
            (state.videos, state.images, state.isOver) = ([], [], true)
        }
    }

    private func change(_ body: (inout State) throws -> Void) throws {
        try state.withLock { state in
            if state.isOver { throw CancellationError() }
            let start = ContinuousClock.now
            defer { state.seconds += (ContinuousClock.now - start).seconds }
            try body(&state)
        }
    }

    private func add(_ frame: Int, of part: PixelPart, to state: inout State) throws {
        let isFirst = part.firstFrame + frame == 0
        if isFirst { try begin(part.shape, &state) }
        for item in 0..<part.shape.count {
            let image = try part.image(item, frame)
            if case .video = encoding {
                try state.videos[item].append(image)
            } else if isFirst {
                state.images.append(try EncodedImage(image, as: encoding.still(files[item].recipe.texts)))
            }
        }
    }

    /// Begins the files; what an attempt before wrote is given up.
    private func begin(_ shape: PixelShape, _ state: inout State) throws {
        for writer in state.videos { writer.cancel() }
        (state.videos, state.images) = ([], [])
        guard case .video(let encoding, let rate) = encoding else { return }
        state.videos = try files.enumerated().map { item, file in
            try VideoWriter(
                to: file.path, width: shape.width, height: shape.height, rate: rate, as: encoding,
                sound: state.sound.map { VideoSound($0, of: item) }, texts: file.recipe.texts)
        }
    }
}

/// How outputs become files.
package enum OutputEncoding: Sendable {
    /// Images, and videos of one frame; a quality is for JPEG and WebP, nil for the format's own.
    case image(ImageFormat, quality: Int? = nil)
    case video(VideoEncoding, FrameRate)

    /// Of an image; a PNG also carries how it was made.
    fileprivate func still(_ texts: [PNGText]) -> ImageEncoding {
        guard case .image(let format, let quality) = self else { return .png(text: texts) }
        return switch (format, quality) {
        case (.png, _): .png(text: texts)
        case (.jpeg, let quality?): .jpeg(quality: quality)
        case (.webp, let quality?): .webp(quality: quality)
        case (_, nil): ImageEncoding(format)
        }
    }
}

extension VideoSound {
    fileprivate init(_ part: SoundPart, of item: Int) {
        let (count, size) = (part.shape.samples, part.shape.itemSize)
        self.init(
            channels: (0..<part.shape.channels).map { channel in
                let start = item * size + channel * count
                return Array(part.samples[start..<start + count])
            }, rate: part.shape.rate)
    }
}
