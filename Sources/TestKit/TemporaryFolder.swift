internal import Foundation

/// A folder of one's own, gone with the last reference.
package final class TemporaryFolder: Sendable {
    /// Where it is.
    package let path: String

    /// Makes an empty folder.
    ///
    /// - Throws: an error of the file system
    package init() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("visualgen-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.resolvingSymlinksInPath().path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file in it.
    ///
    /// - Parameter name: the file's name
    /// - Returns: a path, whether or not there is such a file
    package func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a text file.
    ///
    /// - Parameters:
    ///   - text: its content
    ///   - name: its name
    /// - Returns: its path
    /// - Throws: an error of the file system
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// What lies in it, hidden files included.
    package var names: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}
