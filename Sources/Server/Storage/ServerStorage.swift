internal import Foundation

/// Where the server keeps its jobs: a folder that no other server uses, and the store in it.
package struct ServerStorage: Sendable {
    package let folder: JobFolder
    package let store: JobStore

    /// Takes the folder for this process and opens the store; nothing that lies there is removed.
    ///
    /// - Parameters:
    ///   - path: the folder, made if need be
    ///   - clock: tells the seconds since 1970
    /// - Throws: ``ServerError``
    package init(
        path: String, clock: @escaping @Sendable () -> Double = { Date().timeIntervalSince1970 }
    ) throws(ServerError) {
        folder = try JobFolder(path: path)
        store = try JobStore(path: folder.storePath, mayBeNew: !folder.holdsMedia, clock: clock)
        folder.keepWatch()
    }
}
