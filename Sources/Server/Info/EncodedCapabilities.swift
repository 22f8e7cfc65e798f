internal import Engine
internal import Foundation
internal import Layers
internal import Synchronization

/// The answer of `/v1/capabilities`, made anew only when another kernel ran.
final class EncodedCapabilities: Sendable {
    private struct Answer {
        let kernels: Set<String>
        let json: Data
    }

    private let core: ServerCore
    private let answer = Mutex<Answer?>(nil)

    /// - Parameter core: what all routes share
    init(core: ServerCore) { self.core = core }

    /// - Returns: the answer
    /// - Throws: `EncodingError`
    func json() throws -> Data {
        let kernels = core.metrics.attentionKernels.union(core.model.offer.kernels.attention.keys)
        return try answer.withLock { answer in
            if let answer, answer.kernels == kernels { return answer.json }
            let json = try WireJSON.encode(Capabilities(core, kernels: kernels))
            answer = Answer(kernels: kernels, json: json)
            return json
        }
    }
}
