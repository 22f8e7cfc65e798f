internal import Files

/// One file on its way into the cache.
struct BlobDownload: Sendable {
    let client: HubClient
    let cache: ModelCache
    let model: HubModel
    let commit: String
    let tally: DownloadTally

    /// Downloads what is missing of a file, and puts it into the snapshot.
    ///
    /// A cut is resumed from the bytes on the disk; bytes of another hash or number are thrown away, and fetched once more from
    /// the first.
    ///
    /// - Parameter file: a file of the commit
    /// - Throws: ``HubError``, `CancellationError`
    func run(_ file: RepositoryFile) async throws {
        do {
            // Held until the blob has its name.
            let lock = try await BlobLock.acquire(cache.lock(of: file))
            defer { withExtendedLifetime(lock) {} }
            let isNew = !cache.hasBlob(of: file)
            if isNew { try await fill(file) }
            tally.note(file, bytes: file.size)
            try cache.link(file, in: commit, isNew: isNew)
        } catch let error as FileError {
            throw HubError.file(error)
        }
    }

    private func fill(_ file: RepositoryFile) async throws {
        let partial = try await PartialBlob(at: cache.partialBlob(of: file), of: file)
        do {
            try await fill(partial, file)
        } catch let error as HubError where error.isCorruption {
            try partial.restart()
            do {
                try await fill(partial, file)
            } catch let error as HubError where error.isCorruption {
                partial.discard()
                throw error
            }
        }
        try partial.commit(as: cache.blob(of: file))
    }

    private func fill(_ partial: PartialBlob, _ file: RepositoryFile) async throws {
        try await client.settings.patience.retry {
            tally.note(file, bytes: partial.size)
            if partial.size < file.size { try await receive(partial, file) }
        }
        guard partial.isWhole else { throw HubError.wrongHash(file: file.path) }
    }

    private func receive(_ partial: PartialBlob, _ file: RepositoryFile) async throws {
        let address = client.settings.endpoint.file(file.path, of: model, commit: commit)
        let answer = try await client.get(address, from: partial.size, of: model, file: file.path)
        try adjust(partial, file, to: answer.extent)
        let start = partial.size
        try await answer.forEachPart { bytes in
            guard bytes.count <= file.size - partial.size else {
                throw HubError.wrongSize(file: file.path, expected: file.size, found: partial.size + bytes.count)
            }
            try partial.append(bytes)
            tally.note(file, bytes: partial.size)
        }
        guard partial.size == file.size else {
            let cause = HubError.wrongSize(file: file.path, expected: file.size, found: partial.size)
            throw PassingFault(cause: cause, madeProgress: partial.size > start)
        }
    }

    /// Sees to it that the answer's first byte is the next one of the partial blob.
    private func adjust(_ partial: PartialBlob, _ file: RepositoryFile, to extent: Answer.Extent) throws {
        let unusable = HubError.wrongSize(file: file.path, expected: file.size, found: partial.size)
        switch extent {
        case .whole(let total), .rest(_, let total):
            if let total, total != file.size {
                throw HubError.wrongSize(file: file.path, expected: file.size, found: total)
            }
        case .none: break
        }
        switch extent {
        case .rest(partial.size, _): return
        case .whole where partial.size == 0: return
        case .whole: try partial.restart()
        case .rest, .none:
            try partial.restart()
            throw PassingFault(cause: unusable)
        }
    }
}
