internal import Synchronization

/// Puts the parts of what a pipeline makes together.
package final class PixelCollector: Sendable {
    private let batch = Mutex<PixelBatch?>(nil)

    /// Nothing yet.
    package init() {}

    /// Takes a part; the first says how large the whole is.
    ///
    /// - Parameter part: the part
    package func add(_ part: PixelPart) {
        batch.withLock { batch in
            if batch == nil { batch = PixelBatch(part) } else { batch?.add(part) }
        }
    }

    /// What has come, nil if nothing has.
    package var pixels: PixelBatch? { batch.withLock { $0 } }
}
