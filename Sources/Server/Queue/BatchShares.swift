internal import Diffusion
internal import Synchronization

/// Gives each request of a batch its share of every part; one that cannot take it does not stop the others.
final class BatchShares: Sendable {
    private let receivers: [OutputReceiver]
    private let state = Mutex<[Int: any Error]>([:])

    /// - Parameter receivers: one for each request
    init(_ receivers: [OutputReceiver]) { self.receivers = receivers }

    /// Why requests took no more, by their places in the batch.
    var faults: [Int: any Error] { state.withLock { $0 } }

    /// Hands a part on.
    ///
    /// - Parameter part: of the whole batch
    /// - Throws: what the last of the receivers threw that still took parts
    func deliver(_ part: OutputPart) throws {
        for (place, receiver) in receivers.enumerated() where faults[place] == nil {
            do {
                try receiver(part.share(place, of: receivers.count))
            } catch {
                state.withLock { $0[place] = error }
                if faults.count == receivers.count { throw error }
            }
        }
    }
}
