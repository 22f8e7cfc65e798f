package import Files
package import Foundation

/// Why a file cannot be written where the user wants it; found out before any work is done, where that is possible.
package enum OutputError: BlamedError, CustomStringConvertible {
    case noFolder(String)
    case isFolder(String)
    case isFile(String)
    case notWritable(String)
    case failed(String, reason: String)

    /// Checks that a file can be made at a path, or that a folder can be filled with files.
    ///
    /// - Parameter path: where it goes; a folder's name ends in `/`, and it is made where it does not exist
    package static func check(_ path: String) throws(OutputError) {
        path.hasSuffix("/") ? try check(folder: path) : try check(file: path)
    }

    private static func check(file path: String) throws(OutputError) {
        let folder = path.pathFolder.isEmpty ? "." : path.pathFolder
        var isFolder: ObjCBool = false
        let manager = FileManager.default
        if manager.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { throw .isFolder(path) }
        guard manager.fileExists(atPath: folder, isDirectory: &isFolder), isFolder.boolValue else {
            throw .noFolder(path)
        }
        guard manager.isWritableFile(atPath: folder) else { throw .notWritable(path) }
    }

    private static func check(folder path: String) throws(OutputError) {
        let name = String(path[...(path.lastIndex { $0 != "/" } ?? path.startIndex)])
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: name, isDirectory: &isFolder) else { return try check(file: name) }
        guard isFolder.boolValue else { throw .isFile(path) }
        guard FileManager.default.isWritableFile(atPath: name) else { throw .notWritable(path) }
    }

    /// Writes a file, which appears whole or not at all.
    ///
    /// - Parameters:
    ///   - data: what it holds
    ///   - path: where it goes
    package static func write(_ data: Data, to path: String) throws(OutputError) {
        do throws(FileError) {
            try AtomicFile.write([UInt8](data), to: path)
        } catch {
            throw .failed(path, reason: error.fault.reason)
        }
    }

    package var description: String {
        switch self {
        case .noFolder(let path): "\(path) cannot be written: its folder does not exist"
        case .isFolder(let path): "\(path) cannot be written: it is a folder"
        case .isFile(let path): "\(path) cannot be written: there is a file of that name"
        case .notWritable(let path): "\(path) cannot be written: its folder is not writable"
        case .failed(let path, let reason): "\(path) cannot be written: \(reason)"
        }
    }
}

extension OutputError {
    package var blame: Blame { .output }
}
