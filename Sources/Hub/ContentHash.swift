internal import Crypto

/// The hash that the hub knows a file by, in hexadecimal digits.
enum ContentHash: Hashable, Sendable {
    /// Of the bytes, as for all files in large file storage.
    case sha256(String)
    /// Of git's blob, which is the bytes behind a header with their number.
    case gitBlob(String)

    /// The blob's name in the cache.
    var digits: String {
        switch self {
        case .sha256(let digits), .gitBlob(let digits): digits
        }
    }
}

/// Takes a file's bytes in turn and says whether they have a hash.
struct ContentHasher {
    private enum State {
        case sha256(SHA256)
        case sha1(Insecure.SHA1)
    }

    private let expected: String
    private var state: State

    init(for file: RepositoryFile) {
        expected = file.hash.digits
        switch file.hash {
        case .sha256: state = .sha256(SHA256())
        case .gitBlob:
            var sha1 = Insecure.SHA1()
            sha1.update(data: Array("blob \(file.size)\0".utf8))
            state = .sha1(sha1)
        }
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch state {
        case .sha256(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha256(hash)
        case .sha1(var hash):
            hash.update(bufferPointer: bytes)
            state = .sha1(hash)
        }
    }

    /// Whether the bytes so far are the whole file.
    var isSatisfied: Bool {
        switch state {
        case .sha256(let hash): Self.hexadecimal(hash.finalize()) == expected
        case .sha1(let hash): Self.hexadecimal(hash.finalize()) == expected
        }
    }

    private static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}
