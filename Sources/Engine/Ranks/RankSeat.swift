internal import Diffusion
internal import Foundation
internal import Layers
package import Parallel
package import Tensors

/// One rank's place at a model that several ranks work on, and how it meets the others.
package struct RankSeat: Sendable {
    /// This rank, from 0.
    package let rank: Int
    package let layout: ParallelLayout
    /// Where the ranks meet and leave each other messages.
    let store: RendezvousStore
    /// How long a rank may work between two exchanges.
    let patience: Duration

    /// Which attempt of a launcher this is: what is left of an earlier one in its store has other names.
    var attempt = 0

    /// The name of a message.
    func key(_ message: Message) -> String { "visualgen/\(attempt)/\(message)" }

    /// What ranks tell each other.
    enum Message: CustomStringConvertible {
        case isHere(Int)
        case pulse(Int)
        case failure(Int)
        case job(Int)
        /// Rank 0 has ended in good order.
        case isOver
        /// How many ranks have heard that.
        case left

        var description: String {
            switch self {
            case .isHere(let rank): "here/\(rank)"
            case .pulse(let rank): "pulse/\(rank)"
            case .failure(let rank): "failure/\(rank)"
            case .job(let number): "job/\(number)"
            case .isOver: "over"
            case .left: "left"
            }
        }
    }

    /// The place of a process that torchrun or SLURM started.
    ///
    /// - Parameters:
    ///   - layout: of all ranks
    ///   - environment: the process's variables
    /// - Returns: the place, and which of its host's ranks this is; nil for a process that was started by itself
    /// - Throws: `ExternalLaunchError` or `TensorError`
    package static func launched(
        _ layout: ParallelLayout, _ environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> (seat: RankSeat, localRank: Int)? {
        guard let launch = try ExternalLaunch.read(environment) else { return nil }
        let isThere = environment["TORCHELASTIC_USE_AGENT_STORE"]?.lowercased() == "true"
        let (host, port) = (launch.masterAddress, launch.masterPort)
        // torchrun has opened a store there; otherwise rank 0 does.
        let store =
            launch.rank == 0 && !isThere
            ? try RendezvousStore.hosting(host: host, port: port, timeout: answer) : try joined(host, port)
        var seat = RankSeat(rank: launch.rank, layout: layout, store: store, patience: patience)
        seat.attempt = Int(environment["TORCHELASTIC_RESTART_COUNT"] ?? "") ?? 0
        return (seat, launch.localRank)
    }

    /// The store that rank 0 opens, which may have a model to fetch before.
    static func joined(_ host: String, _ port: Int) throws(TensorError) -> RendezvousStore {
        let end = ContinuousClock.now + patience
        while true {
            do throws(TensorError) {
                return try .joining(host: host, port: port, timeout: answer)
            } catch {
                if ContinuousClock.now > end { throw error }
            }
        }
    }

    /// How long an answer of the store may take.
    static let answer = Duration.seconds(30)

    /// How long a rank is waited for by another: as long as a step may take.
    static let patience = Duration.seconds(600)

    /// Meets the other ranks, on the thread of a device.
    ///
    /// - Parameter device: this rank's
    /// - Returns: the groups of all ranks
    func ranks(on device: Device) throws(TensorError) -> Ranks {
        let transport: ProcessGroup.Transport
        switch device {
        case .cpu: transport = .gloo(interface: nil)
        case .cuda(let index): transport = .nccl(device: index)
        }
        return try Ranks(
            Mesh(layout), rank: rank, store.copy(), generation: key(.isHere(0)), transport, timeout: patience)
    }

    /// Says that this rank is there.
    func arrive() throws(TensorError) { try store.set(key(.isHere(rank)), [1]) }
}

extension Device {
    /// The device of one of several ranks of a host.
    ///
    /// - Parameter rank: which of the host's ranks
    package func ofRank(_ rank: Int) -> Device {
        switch self {
        case .cpu: .cpu
        case .cuda(let index): .cuda(index + rank)
        }
    }
}

extension WorkerConfiguration {
    /// The configuration of one of several ranks of a host, which share its processors and its memory.
    ///
    /// - Parameters:
    ///   - rank: which of the host's ranks
    ///   - ranks: how many the host has
    package func ofRank(_ rank: Int, of ranks: Int) -> WorkerConfiguration {
        var own = self
        own.options.plan.device = options.plan.device.ofRank(rank)
        guard ranks > 1, options.plan.device == .cpu else { return own }
        own.threads = threads ?? max(1, ThreadSettings.usualThreads / ranks)
        own.options.memoryLimit = options.memoryLimit ?? HostResources.current.memory / ranks
        return own
    }
}
