internal import Foundation
internal import Media

/// Where pictures go: one path, or numbered ones.
struct OutputPaths {
    /// One path for each picture.
    let paths: [String]

    /// Numbers a path for several pictures, and checks that they can be written.
    ///
    /// - Parameters:
    ///   - path: with `%d` where the number goes; without it `name.png` becomes `name-0.png`, `name-1.png`, …
    ///   - count: how many pictures
    /// - Throws: ``MediaError`` for an unknown extension, ``OutputError``
    init(_ path: String, count: Int) throws {
        _ = try ImageFormat(path: path)
        paths = NumberedPaths(path, count: count).paths
        for path in paths { try OutputError.check(path) }
    }
}

/// Why a file cannot be written where the user wants it; found out before any work is done, where that is possible.
enum OutputError: Error, CustomStringConvertible {
    case noFolder(String)
    case isFolder(String)
    case notWritable(String)
    case failed(String, reason: String)

    /// Checks that a file can be made at a path.
    ///
    /// - Parameter path: where it goes
    /// - Throws: ``OutputError``
    static func check(_ path: String) throws(OutputError) {
        let folder = (path as NSString).deletingLastPathComponent
        var isFolder: ObjCBool = false
        let manager = FileManager.default
        if manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { throw .isFolder(path) }
        guard manager.fileExists(atPath: folder.isEmpty ? "." : folder, isDirectory: &isFolder), isFolder.boolValue
        else { throw .noFolder(path) }
        guard manager.isWritableFile(atPath: folder.isEmpty ? "." : folder) else { throw .notWritable(path) }
    }

    var description: String {
        switch self {
        case .noFolder(let path): "\(path) cannot be written: its folder does not exist"
        case .isFolder(let path): "\(path) cannot be written: it is a folder"
        case .notWritable(let path): "\(path) cannot be written: its folder is not writable"
        case .failed(let path, let reason): "\(path) cannot be written: \(reason)"
        }
    }
}
