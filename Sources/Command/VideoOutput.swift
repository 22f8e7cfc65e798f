internal import Diffusion
internal import Engine
internal import Media
internal import Synchronization
internal import VisualGen

/// Videos, encoded frame by frame as they come, so that memory does not grow with their length.
final class VideoOutput: Output {
    private struct State {
        var writers: [VideoWriter] = []
        var seconds = 0.0
        var isOver = false
    }

    private let paths: [String]
    private let encoding: VideoEncoding
    private let rate: FrameRate
    private let recipes: [Recipe]
    private let state = Mutex(State())

    /// - Parameters:
    ///   - paths: where each video goes
    ///   - encoding: for all of them
    ///   - rate: frames a second
    ///   - recipes: how each is made
    init(_ paths: [String], _ encoding: VideoEncoding, _ rate: FrameRate, _ recipes: [Recipe]) {
        (self.paths, self.encoding, self.rate, self.recipes) = (paths, encoding, rate, recipes)
    }

    var seconds: Double { state.withLock { $0.seconds } }

    func deliver(_ part: PixelPart) throws {
        for frame in 0..<part.frameCount {
            // Locked for one frame at a time: who gives it up does not wait for all.
            try state.withLock { state in
                if state.isOver { throw CancellationError() }
                let start = ContinuousClock.now
                if state.writers.isEmpty { state.writers = try begin(part.shape) }
                for (item, writer) in state.writers.enumerated() { try writer.append(part.image(item, frame)) }
                state.seconds += (ContinuousClock.now - start).seconds
            }
        }
    }

    func finish() throws {
        try state.withLock { state in
            if state.isOver { throw CancellationError() }
            let start = ContinuousClock.now
            if state.writers.isEmpty { throw EngineError.noPixels }
            for writer in state.writers { try writer.finish() }
            state.seconds += (ContinuousClock.now - start).seconds
            (state.writers, state.isOver) = ([], true)
        }
    }

    func abandon() {
        state.withLock { state in
            for writer in state.writers { writer.cancel() }
            (state.writers, state.isOver) = ([], true)
        }
    }

    private func begin(_ shape: PixelShape) throws -> [VideoWriter] {
        try zip(paths, recipes).map { path, recipe in
            try VideoWriter(
                to: path, width: shape.width, height: shape.height, rate: rate, as: encoding, texts: recipe.texts)
        }
    }
}

extension PixelPart {
    /// One frame.
    ///
    /// - Parameters:
    ///   - item: of which video
    ///   - frame: counted from the part's first
    /// - Returns: its image
    /// - Throws: `MediaError`
    fileprivate func image(_ item: Int, _ frame: Int) throws -> Image {
        let start = piece(item).range.lowerBound + frame * shape.frameBytes
        return try Image(
            width: shape.width, height: shape.height, pixels: Array(bytes[start..<start + shape.frameBytes]))
    }
}
