internal import CLinux
internal import Foundation
internal import Glibc

/// A process that ends with this one, however this one ends.
///
/// A thread of its own starts it and waits for it, since the system ties "ends with its parent" to the starting thread. The
/// child's standard input is a socket that stays open as long as this process lives; nothing else is ever said there than the first
/// line, which nobody else can read.
// @unchecked: `isOver` is only touched while holding `lock`; the rest is set before anyone else sees it.
final class ChildProcess: @unchecked Sendable {
    /// How a process ended.
    enum Ending: Sendable, CustomStringConvertible {
        case status(Int32)
        case signal(Int32)

        var description: String {
            switch self {
            case .status(let status): "ended with status \(status)"
            case .signal(let signal): "was ended by signal \(signal) (\(String(cString: strsignal(signal))))"
            }
        }
    }

    /// Under this number the child inherits the descriptor it is given.
    static let inheritedDescriptor: Int32 = 3

    private(set) var identifier: pid_t = 0
    private let input: Int32
    private let lock = NSLock()
    private var isOver = false

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - program: its path
    ///   - arguments: without its name
    ///   - descriptor: what it inherits as ``inheritedDescriptor``
    ///   - firstLine: what it reads first
    ///   - ended: told how it ended
    /// - Throws: ``SystemFailure``
    init(
        _ program: String, _ arguments: [String], inheriting descriptor: Int32, firstLine: [UInt8],
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
            failure = Self.spawn(program, arguments, standardInput, descriptor, &identifier)
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
    func kill() {
        lock.withLock {
            // The number of a process that is over may be another's.
            if !isOver { _ = Glibc.kill(identifier, SIGKILL) }
        }
    }

    private static func spawn(
        _ program: String, _ arguments: [String], _ input: Int32, _ descriptor: Int32, _ identifier: inout pid_t
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        // In this order: the inherited descriptor may itself have one of the low numbers.
        posix_spawn_file_actions_adddup2(&actions, descriptor, 100)
        posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, 100, inheritedDescriptor)
        linux_close_from(&actions, inheritedDescriptor + 1)
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
struct SystemFailure: Error, CustomStringConvertible {
    let description: String

    init(_ call: String, _ number: Int32) { description = "\(call): \(String(cString: strerror(number)))" }
}
