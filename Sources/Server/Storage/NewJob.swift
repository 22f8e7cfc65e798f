internal import Crypto
internal import Diffusion
internal import Foundation

/// A request that was checked and waits to be accepted.
package struct NewJob: Sendable {
    package let kind: Job.Kind
    package let owner: String
    package let priority: Priority
    /// What is to be made; its request carries the images.
    package var work: JobWork
    /// The images as the client sent them.
    package var inputs: [Upload] = []
    /// The client's name for this request.
    package var idempotencyKey: String?
    /// Whether the client says that it asks again.
    package var isRepeated = false
    package var remixedFrom: String?

    /// - Parameters:
    ///   - kind: what it makes
    ///   - owner: who asks
    ///   - priority: how urgent it is
    ///   - work: what is to be made
    package init(_ kind: Job.Kind, owner: String, priority: Priority, work: JobWork) {
        (self.kind, self.owner, self.priority, self.work) = (kind, owner, priority, work)
    }

    /// What is asked for, without the seed if it was drawn: the same asked again has the same.
    ///
    /// - Parameter seedIsDrawn: whether the client gave no seed
    /// - Returns: a hash
    func fingerprint(seedIsDrawn: Bool) -> String {
        var work = work
        (work.request.images, work.request.lastImage) = ([], nil)
        if seedIsDrawn { work.request.seeds = [] }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        var hash = SHA256()
        hash.update(data: (try? encoder.encode(work)) ?? Data())
        hash.update(data: Data("\(kind.rawValue) \(remixedFrom ?? "")".utf8))
        for input in inputs { hash.update(data: Data(SHA256.hash(data: input.bytes))) }
        return hash.finalize().map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    }
}
