package import Files

/// Why a safetensors file, an index of them or a folder of weights cannot be read or written.
package enum SafetensorsError: BlamedError, Equatable {
    /// The file itself: opening, mapping, writing.
    case file(String, FileFault)
    /// The file's header as a whole.
    case header(String, SafetensorsHeaderFault)
    /// One tensor of the file.
    case tensor(String, in: String, SafetensorsTensorFault)
    /// An index over several files.
    case index(String, SafetensorsIndexFault)
    /// A folder in which weights were looked for.
    case folder(String, CheckpointFolderFault)
}

extension SafetensorsError: CustomStringConvertible {
    package var blame: Blame {
        if case .file(let path, let fault) = self { FileError(path, fault).blame } else { .model }
    }

    package var description: String {
        switch self {
        case .file(let file, let fault): "\(file) \(fault)"
        case .header(let file, let fault): "\(file) is not a sound safetensors file: \(fault)"
        case .tensor(let key, let file, let fault): "the tensor \(key.quoted) of \(file) \(fault)"
        case .index(let file, let fault): "the index \(file) \(fault)"
        case .folder(let folder, let fault): "the folder \(folder) \(fault)"
        }
    }
}

/// Does something with a file, and tells its error as ours.
///
/// - Parameter body: what to do
/// - Returns: what the body returns
/// - Throws: `.file`
func onFile<Result: ~Copyable>(_ body: () throws(FileError) -> Result) throws(SafetensorsError) -> Result {
    do {
        return try body()
    } catch {
        throw .file(error.path, error.fault)
    }
}

/// What can be wrong with a header as a whole.
package enum SafetensorsHeaderFault: Error, Equatable {
    case noLength(fileSize: Int)
    case empty
    case tooLong(claimed: UInt64, limit: Int)
    case beyondFile(claimed: UInt64, available: Int)
    case noBrace
    case malformed(StrictJSONError)
    case malformedMetadata(StrictJSONError)
    case bytesAfterLastTensor(Int)
}

extension SafetensorsHeaderFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noLength(let fileSize): "it has \(fileSize) bytes, a header's length alone takes 8"
        case .empty: "its header has no bytes"
        case .tooLong(let claimed, let limit): "its header claims \(claimed) bytes, at most \(limit) are read"
        case .beyondFile(let claimed, let available):
            "its header claims \(claimed) bytes, the file has \(available) for it"
        case .noBrace: "its header does not start with {"
        case .malformed(let error): "the header has \(error)"
        case .malformedMetadata(let error): "its __metadata__ has \(error)"
        case .bytesAfterLastTensor(let count): "\(count) bytes follow the last tensor"
        }
    }
}

/// What can be wrong with one tensor of a file.
package enum SafetensorsTensorFault: Error, Equatable {
    case malformed(StrictJSONError)
    case unnamed
    case reservedName
    case nameTooLong(bytes: Int, limit: Int)
    case endsWithinAByte(SafetensorsDtype, shape: [Int])
    case duplicate
    case unknownDtype(String)
    case tooMany(limit: Int)
    case offsetsAreNotTwo
    case offsetsReversed(Int, Int)
    case sizeOverflows(shape: [Int])
    case wrongSize(shape: [Int], expected: Int, found: Int)
    case beyondData(end: Int, available: Int)
    case overlaps(String)
    case leavesHole(Int)
    case unwritten
}

extension SafetensorsTensorFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let error): "has \(error)"
        case .unnamed: "has an empty name"
        case .reservedName: "has a name that the format keeps for itself"
        case .nameTooLong(let bytes, let limit): "has a name of \(bytes) bytes, at most \(limit) are read"
        case .endsWithinAByte(let dtype, let shape):
            "has shape \(shape) of \(dtype.rawValue), which is no whole number of bytes"
        case .duplicate: "is there twice"
        case .unknownDtype(let name):
            "has elements of type \(name.quoted); the types that are read are "
                + SafetensorsDtype.allCases.map(\.rawValue).joined(separator: ", ")
        case .tooMany(let limit): "is one more than the \(limit) that are read"
        case .offsetsAreNotTwo: "has data_offsets that are not two numbers"
        case .offsetsReversed(let begin, let end): "begins at \(begin) and ends before, at \(end)"
        case .sizeOverflows(let shape): "has shape \(shape), whose size does not fit 63 bits"
        case .wrongSize(let shape, let expected, let found):
            "has shape \(shape), which takes \(expected) bytes, and \(found) bytes of data"
        case .beyondData(let end, let available): "ends at byte \(end) of the data, which has \(available)"
        case .overlaps(let other): "shares bytes with the tensor \(other.quoted)"
        case .unwritten: "was not written"
        case .leavesHole(let count): "comes after \(count) bytes that belong to no tensor"
        }
    }
}

/// What can be wrong with an index over several files.
package enum SafetensorsIndexFault: Error, Equatable {
    case malformed(StrictJSONError)
    case empty
    case unsafeShardName(String, key: String)
    case missingShard(String)
    case keysNotInShard([String], shard: String)
    case keysNotInIndex([String], shard: String)
}

extension SafetensorsIndexFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .malformed(let error): "has \(error)"
        case .empty: "names no tensor"
        case .unsafeShardName(let name, let key):
            "puts \(key.quoted) into \(name.quoted), which is not a plain file name"
        case .missingShard(let shard): "names the file \(shard.quoted), which is not there"
        case .keysNotInShard(let keys, let shard): "puts into \(shard) what it does not have: \(keys.quotedList)"
        case .keysNotInIndex(let keys, let shard): "does not name what \(shard) has: \(keys.quotedList)"
        }
    }
}

/// What can be wrong with a folder in which weights were looked for.
package enum CheckpointFolderFault: Error, Equatable {
    case notAFolder
    case noWeights(lookedFor: [String])
    case onlyVariants([String], asked: String?)
    case onlyPacked([String])
    case onlyOtherFormats([String])
}

extension CheckpointFolderFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notAFolder: "is not there, or not a folder"
        case .noWeights(let names): "has no weights; looked for \(names.joined(separator: ", "))"
        case .onlyVariants(let variants, nil):
            "has its weights only in a variant, which must be asked for: \(variants.quotedList)"
        case .onlyVariants(let variants, let asked?):
            "has no variant \(asked.quoted) of its weights; it has \(variants.quotedList)"
        case .onlyPacked(let files): "has no weights, but \(files.quotedList); unpack them"
        case .onlyOtherFormats(let files): "has only \(files.quotedList); only safetensors are read"
        }
    }
}
