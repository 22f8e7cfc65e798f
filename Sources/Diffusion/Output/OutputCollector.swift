internal import Synchronization

/// Puts the parts of what a pipeline makes together.
package final class OutputCollector: Sendable {
    private let parts = Mutex<(pixels: PixelBatch?, sound: SoundPart?)>((nil, nil))

    /// Nothing yet.
    package init() {}

    /// Takes a part; the first pixels say how large the whole is.
    ///
    /// - Parameter part: the part
    package func add(_ part: OutputPart) {
        parts.withLock { parts in
            switch part {
            case .sound(let sound): parts.sound = sound
            case .pixels(let pixels):
                if parts.pixels == nil { parts.pixels = PixelBatch(pixels) } else { parts.pixels?.add(pixels) }
            }
        }
    }

    /// The images or frames that have come, nil if none have.
    package var pixels: PixelBatch? { parts.withLock { $0.pixels } }

    /// The sound that has come, nil if none has.
    package var sound: SoundPart? { parts.withLock { $0.sound } }
}
