internal import CLinux
internal import Foundation
internal import Glibc

/// A process that ends with this one, however this one ends.
///
/// A thread of its own starts it and waits for it, since the system ties "ends with its parent" to the starting thread. The
/// child's standard input is a socket that stays open as long as this process lives; nothing else is ever said there than the first
/// line, which nobody else can read.
// @unchecked: `isOver` is only touched while holding `lock`; the rest is set before anyone else sees it.
package final class ChildProcess: @unchecked Sendable {
    /// How a process ended.
    package enum Ending: Sendable, Equatable, CustomStringConvertible {
        case status(Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .status(let status): "ended with status \(status)"
            case .signal(let signal): "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        }
    }

    /// Under this number the child inherits the first descriptor it is given, and the others under the next ones.
    package static let firstInherited: Int32 = 3

    private(set) var identifier: pid_t = 0
    private let input: Int32
    private let lock = NSLock()
    private var isOver = false

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: its path
    ///   - arguments: without its name
    ///   - descriptors: what it inherits from ``firstInherited`` on
    ///   - firstLine: what it reads first
    ///   - ended: told how it ended
    package init(
        _ program: String, _ arguments: [String], inheriting descriptors: [Int32], firstLine: [UInt8],
        ended: @escaping @Sendable (Ending) -> Void
    ) throws(SystemFailure) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { throw SystemFailure("socketpair", errno) }
        input = ends[1]
        let started = DispatchSemaphore(value: 0)
        // Written before the semaphore is signalled, read after.
        nonisolated(unsafe) var failure: Int32 = 0
        nonisolated(unsafe) var identifier: pid_t = 0
        let standardInput = ends[0]
        let thread = Thread { [self] in
            failure = Self.spawn(program, arguments, standardInput, descriptors, &identifier)
            let child = identifier
            let isRunning = failure == 0
            started.signal()
            if isRunning { ended(wait(for: child)) }
        }
        thread.name = "worker process"
        thread.start()
        started.wait()
        close(standardInput)
        self.identifier = identifier
        guard failure == 0 else { throw SystemFailure(program, failure) }
        // Fits into the socket's buffer, so this does not block.
        _ = firstLine.withUnsafeBytes { send(input, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
    }

    deinit { close(input) }

    /// Ends it at once, stopped or not.
    package func kill() {
        lock.withLock {
            // The number of a process that is over may be another's.
            if !isOver { _ = Glibc.kill(identifier, SIGKILL) }
        }
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ input: Int32, _ descriptors: [Int32], _ identifier: inout pid_t
    ) -> Int32 {
        let sources = [input, STDERR_FILENO, STDERR_FILENO] + descriptors
        let end = Int32(sources.count)
        var copies: [Int32] = []
        defer { for copy in copies { close(copy) } }
        for source in sources {
            let copy = copied(source, from: end)
            guard copy >= 0 else { return errno }
            copies.append(copy)
        }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, copy) in copies.enumerated() { posix_spawn_file_actions_adddup2(&actions, copy, Int32(target)) }
        linux_close_from(&actions, end)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // A group of its own, so that Ctrl-C reaches the engine alone; signals as a new program expects them.
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        var words = ([program] + arguments).map { strdup($0) } + [nil]
        var variables = environment.map { strdup("\($0)=\($1)") } + [nil]
        defer { for word in words + variables { free(word) } }
        return posix_spawn(&identifier, program, &actions, &attributes, &words, &variables)
    }

    /// A copy of a descriptor with a number that no descriptor of the child has: whatever is open here, none then takes the
    /// place of one that is still to be handed over.
    ///
    /// - Parameters:
    ///   - source: a descriptor; one that is closed, as the standard error of a service may be, leads nowhere
    ///   - end: behind the child's descriptors
    /// - Returns: the copy; -1, and `errno`, if there is no room for one
    private static func copied(_ source: Int32, from end: Int32) -> Int32 {
        let copy = fcntl(source, F_DUPFD_CLOEXEC, end)
        guard copy < 0, errno == EBADF else { return copy }
        let nowhere = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { if nowhere >= 0 { close(nowhere) } }
        return nowhere < 0 ? -1 : fcntl(nowhere, F_DUPFD_CLOEXEC, end)
    }

    /// This process's variables, and for how long LibTorch's threads watch for work before they sleep.
    ///
    /// That is about a millisecond; by default it is some twenty, which on a machine with other work multiplies the time of
    /// small operations.
    private static var environment: [String: String] {
        var variables = ProcessInfo.processInfo.environment
        if variables["OMP_WAIT_POLICY"] == nil, variables["GOMP_SPINCOUNT"] == nil {
            variables["GOMP_SPINCOUNT"] = "20000"
        }
        return variables
    }

    private func wait(for identifier: pid_t) -> Ending {
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
        var status: Int32 = 0
        lock.withLock {
            isOver = true
            waitpid(identifier, &status, 0)
        }
        return status & 0x7F == 0 ? .status(status >> 8 & 0xFF) : .signal(status & 0x7F)
    }
}

/// A call of the system that failed.
package struct SystemFailure: Error, CustomStringConvertible {
    package let description: String

    init(_ call: String, _ number: Int32) { description = "\(call): \(String(cString: strerror(number)))" }
}
