package import Glibc

/// What is done with folders: faults come in the system's words, and nothing is removed but plain files.
package enum Folder {
    /// Makes a folder and those above it; each new name is then on the disk.
    ///
    /// - Parameters:
    ///   - path: the folder, which may exist
    ///   - permissions: of the folders that are made
    /// - Throws: ``FileError`` that names the folder which cannot be made
    package static func make(_ path: String, permissions: mode_t = 0o777) throws(FileError) {
        if mkdir(path, permissions) == 0 { return try sync(parent(of: path)) }
        switch errno {
        case EEXIST:
            guard isFolder(path) else { throw FileError(path, .cannotWrite(reason: "it is no folder")) }
        case ENOENT where parent(of: path) != path:
            try make(parent(of: path), permissions: permissions)
            guard mkdir(path, permissions) == 0 || errno == EEXIST else {
                throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
            }
            try sync(parent(of: path))
        default: throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
        }
    }

    /// Whether a folder, or a link to one, has this name.
    package static func isFolder(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The folder in which a name stands.
    package static func parent(of path: String) -> String {
        let slash = UInt8(ascii: "/")
        var name = path.utf8[...]
        while name.count > 1, name.last == slash { name.removeLast() }
        guard let end = name.lastIndex(of: slash) else { return "." }
        name = name[...end]
        while name.count > 1, name.last == slash { name.removeLast() }
        return String(decoding: name, as: UTF8.self)
    }

    /// Brings the names of a folder to the disk: a file's new name is sure to be there after a loss of power.
    ///
    /// - Parameter path: the folder
    package static func sync(_ path: String) throws(FileError) {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        // One that may be written and not read cannot be brought to the disk by itself.
        if folder < 0, errno == EACCES { return }
        guard folder >= 0 else { throw FileError(path, .cannotOpen(reason: InputFile.lastReason)) }
        defer { close(folder) }
        // Some file systems have nothing to do.
        guard fsync(folder) == 0 || errno == EINVAL || errno == EROFS else {
            throw FileError(path, .cannotWrite(reason: InputFile.lastReason))
        }
    }

    /// The names in a folder, in no order.
    ///
    /// - Parameter path: the folder
    /// - Returns: all but `.` and `..`
    package static func names(in path: String) throws(FileError) -> [String] {
        guard let folder = opendir(path) else { throw FileError(path, .cannotOpen(reason: InputFile.lastReason)) }
        defer { closedir(folder) }
        var names: [String] = []
        errno = 0
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
            errno = 0
        }
        guard errno == 0 else { throw FileError(path, .cannotRead(reason: InputFile.lastReason)) }
        return names
    }

    /// Removes a folder and the files in it, links as such; folders in it stay, and it with them.
    ///
    /// - Parameter path: the folder
    /// - Returns: whether nothing of that name is there any more
    @discardableResult
    package static func remove(_ path: String) -> Bool {
        let folder = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard folder >= 0 else { return errno == ENOENT }
        defer { close(folder) }
        for name in (try? names(in: path)) ?? [] { unlinkat(folder, name, 0) }
        return rmdir(path) == 0 || errno == ENOENT
    }
}
