internal import CLinux
internal import Diffusion
internal import Files
internal import Foundation
internal import Glibc
internal import Messaging
internal import Synchronization

/// What a worker's process runs: `visualgen worker`.
package enum WorkerProgram {
    /// How often a sign of life is sent.
    static let heartbeat = Duration.milliseconds(500)
    private static let longestInvitation = 1 << 20

    /// Works until the engine's process ends.
    ///
    /// - Throws: ``Failure`` if nobody has invited this process
    package static func run() async throws {
        guard linux_die_with_parent() == 0, let line = readLine(strippingNewline: true),
            line.utf8.count <= longestInvitation,
            let welcome = try? WorkerWelcome(messageBody: Array(line.utf8))
        else { throw uninvited }
        watchParent()
        switch welcome {
        case .worker(let invitation): try await work(for: invitation)
        case .rank(let invitation): try await RankProgram.run(invitation)
        }
    }

    private static var uninvited: Failure {
        Failure(.request, "visualgen worker is started by the engine, not by hand")
    }

    private static func work(for invitation: WorkerInvitation) async throws {
        guard let key = MessageKey(hexadecimal: invitation.key) else { throw uninvited }
        let (events, continuation) = AsyncStream.makeStream(of: Channel.Event.self)
        let channel = try Channel(.worker, at: invitation.socket, key: key) { continuation.yield($0) }
        let buffer = SharedBuffer(inherited: ChildProcess.firstInherited)
        let session = try WorkerSession(invitation.configuration, channel, buffer)
        let pulse = Task { await session.beat(every: heartbeat) }
        for await event in events {
            guard case .message(let body) = event else { continue }
            try await session.handle(EngineMessage(messageBody: body))
        }
        pulse.cancel()
    }

    /// Ends this process when its standard input does, which lasts as long as the engine's process.
    private static func watchParent() {
        let thread = Thread {
            var bytes = [UInt8](repeating: 0, count: 64)
            while true {
                let count = read(STDIN_FILENO, &bytes, bytes.count)
                if count == 0 || count < 0 && errno != EINTR { _exit(0) }
            }
        }
        thread.name = "parent"
        thread.start()
    }
}
