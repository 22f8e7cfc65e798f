internal import Files

/// A file as the hub lists it.
struct RepositoryFile: Hashable, Sendable {
    /// Its path in the repository, checked to stay within a folder.
    let path: String
    /// Its size in bytes.
    let size: Int
    /// What its bytes are checked by, and what its blob is named after.
    let hash: ContentHash

    /// Whether a path from elsewhere stays within the folder it is put behind.
    static func isSafe(_ path: String) -> Bool {
        path.utf8.count <= 1024 && path.pathNames.allSatisfy(\.isFileName)
    }
}
