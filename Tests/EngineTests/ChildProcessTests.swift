import Engine
import Foundation
import Messaging
import Synchronization
import Testing

@Suite struct ChildProcessTests {
    /// Waits for an end, for ten seconds at most.
    private final class Endings: Sendable {
        private let ending = Mutex<ChildProcess.Ending?>(nil)
        private let signal = DispatchSemaphore(value: 0)

        func note(_ ending: ChildProcess.Ending) {
            self.ending.withLock { $0 = ending }
            signal.signal()
        }

        func first() -> ChildProcess.Ending? {
            _ = signal.wait(timeout: .now() + 10)
            return ending.withLock { $0 }
        }
    }

    /// Runs a script of the shell with some memories as descriptors from 3 on.
    private func run(_ script: String, _ memories: [SharedBuffer], saying line: String = "said\n") throws
        -> ChildProcess.Ending?
    {
        let endings = Endings()
        let child = try ChildProcess(
            "/bin/sh", ["-c", script], inheriting: memories.map(\.descriptor), firstLine: Array(line.utf8),
            ended: { endings.note($0) })
        return withExtendedLifetime(child) { endings.first() }
    }

    /// Every number of descriptors that are open, so that the child's come to lie at every number.
    @Test func handsOverItsDescriptorsHoweverManyAreOpen() throws {
        var others: [Int32] = []
        defer { for other in others { close(other) } }
        for count in 0..<130 {
            let memories = [try SharedBuffer(), try SharedBuffer()]
            let script = "read -r line; printf %s \"$line\" >&3; printf second >&4; [ ! -e /proc/$$/fd/5 ]"
            #expect(try run(script, memories, saying: "\(count)\n") == .status(0), "\(count)")
            #expect(try memories[0].take("\(count)".utf8.count) == Array("\(count)".utf8))
            #expect(try memories[1].take(6) == Array("second".utf8))
            others.append(open("/dev/null", O_RDONLY | O_CLOEXEC))
        }
    }

    @Test func tellsHowItEnded() throws {
        #expect(try run("exit 7", []) == .status(7))
        #expect(try run("kill -9 $$", []) == .signal(9))
        #expect(throws: SystemFailure.self) {
            _ = try ChildProcess("/nowhere/program", [], inheriting: [], firstLine: [], ended: { _ in })
        }
    }
}
