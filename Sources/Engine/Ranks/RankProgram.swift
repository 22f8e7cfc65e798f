internal import Diffusion
internal import Files
internal import Foundation
internal import Glibc
internal import Layers
internal import Tensors

/// What every rank but the first runs: the jobs that rank 0 tells of, of which it delivers nothing.
package enum RankProgram {
    private static let interval = Duration.milliseconds(500)

    /// Runs a rank that torchrun or SLURM started; returns for the first rank, and for a process that was started by itself.
    ///
    /// - Parameter configuration: of all ranks
    /// - Throws: `ExternalLaunchError` or `TensorError`
    package static func runIfLaunched(_ configuration: WorkerConfiguration) async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let launch = try ExternalLaunch.read(environment), launch.rank > 0,
            let (seat, localRank) = try RankSeat.launched(configuration.options.plan.parallel, environment)
        else { return }
        await run(seat, configuration.ofRank(localRank, of: 1))
    }

    /// Runs a rank that rank 0 started.
    static func run(_ invitation: RankInvitation) async throws {
        let configuration = invitation.configuration
        let store = try RankSeat.joined(invitation.host, invitation.port)
        await run(
            RankSeat(
                rank: invitation.rank, layout: configuration.options.plan.parallel, store: store,
                patience: RankSeat.patience), configuration)
    }

    /// Works until rank 0 ends; tells it what ended this rank otherwise.
    private static func run(_ seat: RankSeat, _ configuration: WorkerConfiguration) async -> Never {
        do {
            beat(seat, try seat.store.copy())
            try seat.arrive()
            let worker = LocalWorker(
                device: configuration.options.plan.device, threads: configuration.threads, seat: seat)
            try await worker.load(configuration.open(), configuration.options)
            try await work(worker, seat)
        } catch {
            let failure = Failure(of: error)
            // Where another rank is lost it is that one which is to be blamed.
            let isEcho = (error as? TensorError)?.kind == .peerLost
            if !isEcho { try? seat.store.set(seat.key(.failure(seat.rank)), failure.messageBody()) }
            if !isEcho { say("rank \(seat.rank): \(failure.message)") }
            _exit(isEcho ? 69 : 70)
        }
    }

    private static func work(_ worker: LocalWorker, _ seat: RankSeat) async throws -> Never {
        let store = try seat.store.copy()
        var number = 1
        while true {
            guard let bytes = try store.value(of: seat.key(.job(number)), within: .seconds(5)) else { continue }
            do {
                _ = try await worker.generate(RequestBytes(bytes: bytes).request(), deliver: { _ in })
            } catch let error where RankAgreement.isAgreed(error) {
                // Rank 0 tells of it.
            }
            number += 1
        }
    }

    private static func say(_ sentence: String) {
        FileHandle.standardError.write(Data("visualgen: \(sentence.onOneLine)\n".utf8))
    }

    /// Gives signs of life, and ends this process when rank 0 says so, or takes none any more.
    private static func beat(_ seat: RankSeat, _ store: RendezvousStore) {
        let thread = Thread {
            var count = 0
            while true {
                count += 1
                do {
                    try store.set(seat.key(.pulse(seat.rank)), Array("\(count)".utf8))
                    // A message one way may seem to arrive: an answer shows that somebody is there.
                    _ = try store.value(of: seat.key(.pulse(seat.rank)), within: .zero)
                    if try store.value(of: seat.key(.isOver), within: .zero) != nil {
                        _ = try store.add(seat.key(.left), 1)
                        _exit(0)
                    }
                } catch {
                    say("rank \(seat.rank): rank 0 is gone")
                    _exit(69)
                }
                Thread.sleep(forTimeInterval: interval.seconds)
            }
        }
        thread.name = "pulse"
        thread.start()
    }
}
