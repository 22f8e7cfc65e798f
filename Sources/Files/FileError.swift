/// A file that cannot be read or written.
package struct FileError: BlamedError, Equatable {
    /// The file.
    package let path: String
    /// What is wrong with it.
    package let fault: FileFault

    package init(_ path: String, _ fault: FileFault) { (self.path, self.fault) = (path, fault) }
}

/// What can go wrong between a file and the operating system.
package enum FileFault: Error, Equatable {
    case cannotOpen(reason: String)
    case notRegular
    case cannotMap(reason: String)
    case cannotRead(reason: String)
    case tooLarge(bytes: Int, limit: Int)
    case cannotWrite(reason: String)
    /// A file of a model that holds something else.
    case foreign(ForeignContent)
}

extension FileFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotOpen(let reason): "cannot be opened: \(reason)"
        case .notRegular: "is not a regular file"
        case .cannotMap(let reason): "cannot be mapped into memory: \(reason)"
        case .cannotRead(let reason): "cannot be read: \(reason)"
        case .tooLarge(let bytes, let limit): "has \(bytes) bytes, at most \(limit) are read"
        case .cannotWrite(let reason): "cannot be written: \(reason)"
        case .foreign(let content): "\(content)"
        }
    }

    /// The fault without saying what was tried.
    package var reason: String {
        switch self {
        case .cannotOpen(let reason), .cannotMap(let reason), .cannotRead(let reason), .cannotWrite(let reason): reason
        case .notRegular: "Not a regular file"
        case .tooLarge(_, let limit): "It has more than \(limit) bytes"
        case .foreign(let content): "It \(content)"
        }
    }
}

extension FileError: CustomStringConvertible {
    package var blame: Blame { if case .cannotWrite = fault { .output } else { .model } }

    package var description: String { "\(path) \(fault)" }
}
