internal import Foundation

/// The files of one commit.
struct RepositoryListing: Sendable {
    /// The longest answer that is read, in bytes.
    static let longestAnswer = 32 << 20
    /// The most files that a repository may have.
    static let mostFiles = 20_000

    /// The largest size of a file that is believed, in bytes; with `mostFiles` of them a sum stays within an `Int`.
    static let largestFile = 1 << 46

    let commit: String
    let files: [String: RepositoryFile]

    var names: Set<String> { Set(files.keys) }

    private init(commit: String, files: [String: RepositoryFile]) { (self.commit, self.files) = (commit, files) }

    private struct Wire: Decodable {
        struct File: Decodable {
            struct LargeFile: Decodable {
                let sha256: String
                let size: Int
            }

            let rfilename: String
            let size: Int?
            let blobId: String?
            let lfs: LargeFile?
        }

        let sha: String
        let siblings: [File]
    }

    /// Reads the hub's answer.
    ///
    /// - Parameters:
    ///   - answer: JSON
    ///   - model: whose files it lists
    /// - Throws: ``HubError``; one unsafe name makes all of it unusable
    init(_ answer: Data, of model: HubModel) throws(HubError) {
        guard let wire = try? JSONDecoder().decode(Wire.self, from: answer) else {
            throw .listing(model, "it is not the JSON that lists a commit and its files")
        }
        guard wire.sha.isCommit else { throw .listing(model, "its commit is not 40 hexadecimal digits") }
        if model.namesCommit, wire.sha != model.revision { throw .listing(model, "it is of another commit") }
        guard wire.siblings.count <= Self.mostFiles else {
            throw .listing(model, "it has \(wire.siblings.count) files, at most \(Self.mostFiles) are read")
        }
        var files: [String: RepositoryFile] = [:]
        for file in wire.siblings {
            guard RepositoryFile.isSafe(file.rfilename) else { throw .unsafeName(file.rfilename) }
            files[file.rfilename] = try Self.file(file, model)
        }
        self.init(commit: wire.sha, files: files)
    }

    private static func file(_ file: Wire.File, _ model: HubModel) throws(HubError) -> RepositoryFile {
        if let large = file.lfs {
            guard large.sha256.isHexadecimal(digits: 64), (0...largestFile).contains(large.size) else {
                throw .listing(model, "\(file.rfilename) has no SHA-256 or no size")
            }
            return RepositoryFile(path: file.rfilename, size: large.size, hash: .sha256(large.sha256))
        }
        guard let blob = file.blobId, blob.isHexadecimal(digits: 40), let size = file.size,
            (0...largestFile).contains(size)
        else {
            throw .listing(model, "\(file.rfilename) has no blob id or no size")
        }
        return RepositoryFile(path: file.rfilename, size: size, hash: .gitBlob(blob))
    }
}

extension HubClient {
    /// Asks for the commit and the files of a revision.
    ///
    /// - Parameters:
    ///   - model: id and revision
    ///   - attempts: how often to ask a hub that is not there, as usual where nil
    /// - Returns: the listing
    /// - Throws: ``HubError``, `CancellationError`
    func listing(of model: HubModel, attempts: Int?) async throws -> RepositoryListing {
        try await settings.patience.retry(attempts: attempts) {
            let answer = try await get(settings.endpoint.listing(of: model), of: model)
            guard case .whole = answer.extent else { throw HubError.listing(model, "it came compressed or in part") }
            var data = Data()
            try await answer.forEachPart { part in
                guard data.count + part.count <= RepositoryListing.longestAnswer else {
                    throw HubError.listing(model, "it has more than \(RepositoryListing.longestAnswer) bytes")
                }
                data.append(contentsOf: part)
            }
            return try RepositoryListing(data, of: model)
        }
    }
}
