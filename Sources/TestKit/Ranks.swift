internal import Foundation
package import Layers
package import Parallel
package import Tensors

/// Runs a body for each rank, all at once, each on a thread of its own in inference mode as workers have it.
///
/// - Parameters:
///   - size: how many ranks there are
///   - body: what a rank does
/// - Returns: for each rank what it gave or threw
package func onRanks<Value: Sendable>(_ size: Int, _ body: @escaping @Sendable (Int) throws -> Value) async
    -> [Result<Value, any Error>]
{
    await withTaskGroup(of: (Int, Result<Value, any Error>).self) { tasks in
        for rank in 0..<size {
            tasks.addTask {
                await withCheckedContinuation { continuation in
                    let thread = Thread {
                        ThreadSettings.enterInferenceMode()
                        ThreadSettings.threads = 1
                        continuation.resume(returning: (rank, Result { try body(rank) }))
                    }
                    thread.stackSize = 16 << 20
                    thread.start()
                }
            }
        }
        return await tasks.reduce(into: []) { $0.append($1) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

/// Runs a body for each rank of a group over Gloo, whose ranks are threads of this process.
///
/// - Parameters:
///   - size: how many ranks there are
///   - body: what a rank does with its group
/// - Returns: for each rank what it gave
/// - Throws: what the first rank threw that did
package func inGroup<Value: Sendable>(of size: Int, _ body: @escaping @Sendable (ProcessGroup) throws -> Value)
    async throws -> [Value]
{
    let store = RendezvousStore.inProcess()
    return try await onRanks(size) { rank in
        try body(
            ProcessGroup(
                store, name: "all", rank: rank, size: size, .gloo(interface: nil), timeout: .seconds(300)))
    }.map { try $0.get() }
}

/// Runs a body for each of some ranks that decode pictures together, over Gloo in threads of this process.
///
/// - Parameters:
///   - size: how many ranks there are
///   - side: along which side they share a picture
///   - body: what a rank does with its context
/// - Returns: for each rank what it gave
/// - Throws: what the first rank threw that did
package func decodingTogether<Value: Sendable>(
    _ size: Int, along side: PictureSide, _ body: @escaping @Sendable (ComputeContext) throws -> Value
) async throws -> [Value] {
    var layout = ParallelLayout()
    (layout.ulysses, layout.decoding, layout.decodingSide) = (size, size, side)
    let (store, mesh) = (RendezvousStore.inProcess(), Mesh(layout))
    return try await onRanks(size) { rank in
        let ranks = try Ranks(mesh, rank: rank, store, .gloo(interface: nil), timeout: .seconds(300))
        var plan = ComputePlan()
        plan.parallel = mesh.layout
        let context = ComputeContext(plan, ranks)
        context.decodesTogether = true
        return try body(context)
    }.map { try $0.get() }
}
