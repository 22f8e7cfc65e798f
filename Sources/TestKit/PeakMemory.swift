import Foundation
import Tensors

/// How much more memory the process held than before while something ran.
///
/// - Parameter body: what to run; nothing else may run meanwhile
/// - Returns: bytes
package func peakMemory(_ body: () throws -> Void) throws -> Double {
    func bytes(_ key: String) throws -> Double {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix(key) } ?? ""
        let words = line.split(whereSeparator: \.isWhitespace)
        guard words.count > 1, let kilobytes = Double(words[1]) else { throw CocoaError(.fileReadCorruptFile) }
        return 1024 * kilobytes
    }
    // Forgets the peak so far.
    try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
    let before = try bytes("VmRSS")
    try HostMemory.reusing(body)
    return try bytes("VmHWM") - before
}
