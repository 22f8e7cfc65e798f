internal import Files
internal import Glibc

/// What goes to the person at the terminal.
enum StandardError {
    /// Writes a text; where nobody listens (a closed or a full standard error), it is lost without harm.
    ///
    /// - Parameters:
    ///   - text: with its line breaks; whoever wrote it, nothing in it reaches the terminal as a command
    ///   - command: what the terminal is to do before
    static func write(_ text: String, after command: StaticString = "") {
        var rest = Array("\(command)\(text.printable)".utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
