internal import Files

/// A commit's needed files on their way into the cache.
struct SnapshotDownload {
    let model: HubModel
    let listing: RepositoryListing
    let cache: ModelCache
    let client: HubClient
    let tally: DownloadTally
    let need: HubNeed

    /// Downloads what the cache lacks: first what says which parts there are, then everything small, then the weights.
    ///
    /// - Returns: the snapshot
    /// - Throws: ``HubError``, `CancellationError`
    func run() async throws -> LocalSnapshot {
        switch need {
        case .lora(let file): try await fetchLoRA(file)
        case .parts where listing.files[ModelIndex.name] == nil:
            let files = try FileSelection.monolithic(among: listing.names, of: model)
            try await fetch(files.small)
            try await fetch(files.weights)
        case .parts(let isNeeded, let folders):
            try await fetch([ModelIndex.name])
            let components = try snapshot().components(needs: isNeeded, folders: folders)
            let selection = try FileSelection(components, among: listing.names, of: model)
            try await fetch(selection.small)
            try await fetch(weights(selection))
        }
        try cache.setCommit(listing.commit)
        return try snapshot()
    }

    private func fetchLoRA(_ file: String?) async throws {
        guard let name = try FileSelection.lora(file, among: listing.names, of: model) else {
            throw HubError.noLoRA(model, file: file)
        }
        let config = name.pathFolder + "adapter_config.json"
        if listing.files[config] != nil { try await fetch([config]) }
        try await fetch([name])
    }

    private func snapshot() throws(HubError) -> LocalSnapshot {
        guard let snapshot = LocalSnapshot(of: model, at: cache.snapshot(listing.commit)) else {
            throw .fileNotFound(model, file: ModelIndex.name)
        }
        return snapshot
    }

    private func weights(_ selection: FileSelection) throws(HubError) -> [String] {
        let snapshot = try snapshot()
        var files: [String] = []
        for weights in selection.weights {
            files += try weights.files { file throws(HubError) in try snapshot.read(file) }
        }
        return files
    }

    /// Brings files into the snapshot, several at once.
    private func fetch(_ names: [String]) async throws {
        var missing: [RepositoryFile] = []
        for name in names {
            guard let file = listing.files[name] else { throw HubError.fileNotFound(model, file: name) }
            if !cache.hasFile(file, in: listing.commit) { missing.append(file) }
        }
        if missing.isEmpty { return }
        try cache.prepare()
        try checkSpace(for: missing)
        tally.expect(missing)
        let download = BlobDownload(client: client, cache: cache, model: model, commit: listing.commit, tally: tally)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, file) in missing.enumerated() {
                if number >= client.settings.parallelFiles { try await group.next() }
                group.addTask { try await download.run(file) }
            }
            try await group.waitForAll()
        }
    }

    private func checkSpace(for files: [RepositoryFile]) throws(HubError) {
        guard let available = cache.available else { return }
        var needed = 0
        for file in files where !cache.hasBlob(of: file) {
            needed += max(file.size - cache.partialSize(of: file), 0)
        }
        if needed > available { throw .diskFull(folder: cache.blobs, needed: needed, available: available) }
    }
}
