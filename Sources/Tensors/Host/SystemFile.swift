internal import Glibc

/// Small files of the system, which do not tell their length.
enum SystemFile {
    private static let longest = 4 << 20

    /// - Parameter path: the file
    /// - Returns: its text, at most the first 4 MiB; nil where it cannot be read
    static func text(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65536)
        while text.count < longest {
            let count = read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return count == 0 ? String(decoding: text, as: UTF8.self) : nil }
            text += block[..<count]
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// - Parameter path: a file with one line
    /// - Returns: the words of the line; none where it cannot be read
    static func words(_ path: String) -> [Substring] {
        (text(path) ?? "").split(separator: "\n", maxSplits: 1).first?.split(separator: " ") ?? []
    }
}
