/// Why the server cannot start or cannot keep what it made.
package enum ServerError: Error, Equatable {
    /// The folder of jobs and files, and what is wrong with it.
    case folder(String, reason: String)
    /// Another server uses the folder.
    case folderInUse(String)
    /// The file of keys, the line, and what is wrong with it.
    case keys(String, line: Int, reason: String)
    /// A host that others than this machine's users can reach, without keys.
    case openWithoutKeys(String)
    /// Nothing can listen there.
    case cannotListen(host: String, port: Int, reason: String)
}

extension ServerError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .folder(let path, let reason): "\(path) cannot hold the server's jobs: \(reason)"
        case .folderInUse(let path): "\(path) is in use by another server; --data names another folder"
        case .keys(let path, let line, let reason): "\(path), line \(line): \(reason)"
        case .openWithoutKeys(let host):
            "host is \(host), which other machines can reach; that needs --api-keys FILE, or --allow-anyone"
        case .cannotListen(let host, let port, let reason): "\(host):\(port) cannot be listened at: \(reason)"
        }
    }
}
