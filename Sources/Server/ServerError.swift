/// Why the server cannot start or cannot keep what it made.
package enum ServerError: Error, Equatable {
    /// The folder of jobs and files, and what is wrong with it.
    case folder(String, reason: String)
    /// The folder has so many files of jobs, and no store that knows them.
    case mediaWithoutStore(String, count: Int)
    /// Another server uses the folder.
    case folderInUse(String)
    /// The file of keys, the line, and what is wrong with it.
    case keys(String, line: Int, reason: String)
    /// The file of keys, and why it cannot be read.
    case keyFile(String, reason: String)
    /// A host that others than this machine's users can reach, without keys.
    case openWithoutKeys(String)
    /// Nothing can listen there.
    case cannotListen(host: String, port: Int, reason: String)
}

extension ServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .folder(let path, let reason): "\(path) cannot hold the server's jobs: \(reason)"
        case .mediaWithoutStore(let path, let count):
            "\(path)/media holds \(count) \(count == 1 ? "thing" : "things") and \(path)/jobs.sqlite is missing or empty, "
                + "so they may be somebody else's: put the store back, move media away, or let --data name another folder"
        case .folderInUse(let path): "\(path) is in use by another server; --data names another folder"
        case .keys(let path, let line, let reason): "\(path), line \(line): \(reason)"
        case .keyFile(let path, let reason): "\(path) \(reason)"
        case .openWithoutKeys(let host):
            "host is \(host), which other machines can reach; that needs --api-keys FILE, or --allow-anyone"
        case .cannotListen(let host, let port, let reason):
            "\(ListeningHost(host).authority):\(port) cannot be listened at: \(reason)"
        }
    }
}
