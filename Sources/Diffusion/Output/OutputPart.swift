/// What a pipeline hands over as soon as it is decoded.
package enum OutputPart: Sendable {
    /// The sound of the videos; it comes once, before their first frames, as a file's header tells of it.
    case sound(SoundPart)
    /// All images, or some frames of every video, which come in order.
    case pixels(PixelPart)

    /// What one of several requests of a batch is given, each of which has equally many images or videos.
    ///
    /// - Parameters:
    ///   - index: which request
    ///   - count: how many requests there are
    /// - Returns: its share
    package func share(_ index: Int, of count: Int) -> OutputPart {
        switch self {
        case .sound(let part): .sound(part.share(index, of: count))
        case .pixels(let part): .pixels(part.share(index, of: count))
        }
    }
}

/// Given every part of what a pipeline makes.
package typealias OutputReceiver = @Sendable (OutputPart) throws -> Void
