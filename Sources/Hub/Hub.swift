/// Models of the Hugging Face hub, in the cache that the Python client uses too.
package struct Hub: Sendable {
    private let settings: HubSettings

    /// - Parameter settings: where the hub and the cache are
    package init(_ settings: HubSettings) { self.settings = settings }

    /// Finds a model's folder, downloading what a pipeline needs of it and the cache lacks.
    ///
    /// A commit whose files are all here, and anything offline, is answered from the cache. A branch is asked for at the hub; a
    /// hub that does not answer or refuses leaves what the cache has.
    ///
    /// - Parameters:
    ///   - model: id and revision
    ///   - needs: whether the part of a name (`transformer`) and a class (`FluxTransformer2DModel`) is needed
    ///   - folders: folders with weights that are needed, whether or not `model_index.json` names them
    ///   - observe: told of every part of a file that arrives, from several tasks at once
    /// - Returns: the folder of the snapshot
    /// - Throws: ``HubError``; `CancellationError`, after which a new call goes on where this one ended
    @concurrent
    package func folder(
        of model: HubModel,
        needs: @escaping @Sendable (_ component: String, _ className: String) -> Bool = { _, _ in true },
        folders: [String] = [],
        observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        try await snapshot(of: model, .parts(isNeeded: needs, folders: folders), observe).folder
    }

    /// Finds a LoRA file, downloading what the cache lacks: the file, and the `adapter_config.json` beside it if there is one.
    ///
    /// - Parameters:
    ///   - file: its path in the repository; nil for the one at the root: the only safetensors file there whose name says so, or
    ///     the only one at all
    ///   - model: id and revision
    ///   - observe: told of every part of a file that arrives, from several tasks at once
    /// - Returns: the file's path on this machine
    /// - Throws: as ``folder(of:needs:folders:observe:)``
    @concurrent
    package func lora(
        _ file: String? = nil, of model: HubModel,
        observe: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
    ) async throws -> String {
        let snapshot = try await snapshot(of: model, .lora(file), observe)
        guard let name = try FileSelection.lora(file, among: snapshot.names, of: model) else {
            throw HubError.noLoRA(model, file: file)
        }
        return "\(snapshot.folder)/\(name)"
    }

    private func snapshot(
        of model: HubModel, _ need: HubNeed, _ observe: @escaping @Sendable (DownloadProgress) -> Void
    ) async throws -> LocalSnapshot {
        let tally = settings.hidesProgress ? DownloadTally { _ in } : DownloadTally(observe: observe)
        let cache = ModelCache(settings.cache, model, avoidsLinks: settings.avoidsLinks)
        let snapshot = LocalSnapshot(of: model, in: cache)
        if let variable = settings.offlineVariable {
            guard let snapshot else { throw HubError.offline(model, missing: nil, variable: variable) }
            if let file = try snapshot.missingFile(need) {
                throw HubError.offline(model, missing: file, variable: variable)
            }
            return snapshot
        }
        // A file in the cache that cannot be read is the download's to find out.
        let whole = snapshot.flatMap { (try? $0.missingFile(need) == nil) == true ? $0 : nil }
        if let whole, model.namesCommit, whole.hasModelIndex { return whole }
        let configuration = HubClient.configuration(settings.patience)
        return try await HubConnections.with(configuration, through: settings.proxies) { connections in
            let client = HubClient(connections, settings)
            let listing: RepositoryListing
            do {
                listing = try await client.listing(of: model, attempts: whole == nil ? nil : 1)
            } catch let error as HubError where error.leavesTheCacheUsable {
                guard let whole else { throw error }
                return whole
            }
            return try await SnapshotDownload(
                model: model, listing: listing, cache: cache, client: client, tally: tally, need: need
            ).run()
        }
    }
}
