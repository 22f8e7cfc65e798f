internal import Files
internal import Foundation

/// A commit's files as far as the cache has them.
struct LocalSnapshot {
    let folder: String
    /// The files whose bytes are here, at the root and in the folders below it.
    let names: Set<String>
    private let model: HubModel

    /// - Returns: nil where the cache knows no commit for the revision, or has no folder for it
    init?(of model: HubModel, in cache: ModelCache) {
        guard let commit = cache.commit else { return nil }
        self.init(of: model, at: cache.snapshot(commit))
    }

    init?(of model: HubModel, at folder: String) {
        guard let entries = try? FileManager.default.contentsOfDirectory(atPath: folder) else { return nil }
        var names: Set<String> = []
        for entry in entries {
            let below = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/\(entry)")) ?? []
            for name in below.isEmpty ? [entry] : below.map({ "\(entry)/\($0)" })
            where FileManager.default.fileExists(atPath: "\(folder)/\(name)") {
                names.insert(name)
            }
        }
        (self.folder, self.names, self.model) = (folder, names, model)
    }

    /// Whether the snapshot is of the form that lists its own parts.
    var hasModelIndex: Bool { names.contains(ModelIndex.name) }

    /// The first file found to be missing of what is needed, nil where all is there.
    ///
    /// - Parameter need: what is needed
    /// - Returns: a path in the repository, or what kind of file it is
    /// - Throws: ``HubError`` for a file of the snapshot that cannot be read
    func missingFile(_ need: HubNeed) throws(HubError) -> String? {
        switch need {
        case .lora(let file):
            return try FileSelection.lora(file, among: names, of: model) == nil ? file ?? "a LoRA file" : nil
        case .parts(let isNeeded, let folders):
            guard hasModelIndex else { return try missingMonolithicFile() }
            for component in try components(needs: isNeeded, folders: folders) {
                let missing = try component.missingFile(from: names) { file throws(HubError) in try read(file) }
                if let missing { return missing }
            }
            return nil
        }
    }

    /// The same of a snapshot without index, whose weights lie at the root.
    private func missingMonolithicFile() throws(HubError) -> String? {
        let weights = names.filter { $0.isFileName && $0.hasSuffix(".safetensors") }
        if weights.isEmpty { return ModelIndex.name }
        for index in names.sorted() where index.isFileName && index.hasSuffix(".safetensors.index.json") {
            let shards = try ComponentWeights.sharded(index: index).files { file throws(HubError) in try read(file) }
            if let missing = shards.first(where: { !weights.contains($0) }) { return missing }
        }
        return nil
    }

    /// The needed parts.
    ///
    /// - Parameters:
    ///   - needs: whether the part of a name and a class is needed
    ///   - folders: folders with weights that are needed, whether or not the index names them
    /// - Returns: parts that the snapshot's `model_index.json` names, then the other folders
    func components(needs: (String, String) -> Bool, folders: [String]) throws(HubError) -> [ModelIndex.Component] {
        let listed = try ModelIndex(read(ModelIndex.name), of: model).components
        let others = folders.filter { folder in !listed.contains { $0.name == folder } }
        return listed.filter { needs($0.name, $0.className) }
            + others.map { ModelIndex.Component(name: $0, className: "") }
    }

    /// A small text file's bytes, without a byte order mark.
    ///
    /// - Parameter file: a path in the repository
    /// - Returns: its content
    func read(_ file: String) throws(HubError) -> [UInt8] {
        do {
            let bytes = try InputFile(reading: "\(folder)/\(file)").readAll(limit: RepositoryListing.longestAnswer)
            return Array(bytes.withoutByteOrderMark)
        } catch {
            throw .file(error)
        }
    }
}
