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
        let tally = settings.hidesProgress ? DownloadTally { _ in } : DownloadTally(observe: observe)
        let cache = ModelCache(settings.cache, model, avoidsLinks: settings.avoidsLinks)
        let snapshot = LocalSnapshot(of: model, in: cache)
        if let variable = settings.offlineVariable {
            guard let snapshot else { throw HubError.offline(model, missing: nil, variable: variable) }
            if let file = try snapshot.missingFile(needs: needs, folders: folders) {
                throw HubError.offline(model, missing: file, variable: variable)
            }
            return snapshot.folder
        }
        // A file in the cache that cannot be read is the download's to find out.
        let whole = snapshot.flatMap { (try? $0.missingFile(needs: needs, folders: folders) == nil) == true ? $0 : nil }
        if let whole, model.namesCommit, whole.hasModelIndex { return whole.folder }
        let configuration = HubClient.configuration(settings.patience)
        return try await HubConnections.with(configuration, through: settings.proxies) { connections in
            let client = HubClient(connections, settings)
            let listing: RepositoryListing
            do {
                listing = try await client.listing(of: model, attempts: whole == nil ? nil : 1)
            } catch let error as HubError where error.leavesTheCacheUsable {
                guard let whole else { throw error }
                return whole.folder
            }
            return try await SnapshotDownload(
                model: model, listing: listing, cache: cache, client: client,
                tally: tally, needs: needs, folders: folders
            ).run()
        }
    }
}
