internal import Files

/// The tensors of one component of a model, from one file or from all files of an index.
package struct SafetensorsCheckpoint: Sendable {
    /// The files, sorted by name where there are several.
    package let files: [SafetensorsFile]
    /// What an index says that its files do not bear out, which matters only to whoever asks for those tensors.
    package let notes: [SafetensorsIndexFault]
    private let places: [ExactText: Place]
    private let index: SafetensorsIndex?

    private struct Place {
        let file: Int
        let entry: SafetensorsEntry
    }

    /// Opens what `CheckpointFiles.locate` found.
    package init(_ location: CheckpointFiles) throws(SafetensorsError) {
        switch location {
        case .single(let path): self.init([try SafetensorsFile(path: path)], notes: [], index: nil)
        case .sharded(let path): try self.init(SafetensorsIndex(path: path))
        }
    }

    /// Opens every file of an index, and notes where index and files do not name the same tensors.
    ///
    /// Saving tied tensors, or cutting parts off a model, leaves indices that are not exact. A tensor is where the
    /// index says, else in the first file that has it; one that is nowhere is a fault once it is asked for.
    package init(_ index: SafetensorsIndex) throws(SafetensorsError) {
        var files: [SafetensorsFile] = []
        var notes: [SafetensorsIndexFault] = []
        let expected = Dictionary(grouping: index.weightMap.keys) { index.weightMap[$0] ?? "" }
        for (shard, keys) in expected.sorted(by: { $0.key < $1.key }) {
            let path = index.path.siblingPath(shard)
            guard path.isExistingPath else {
                notes.append(.missingShard(shard))
                continue
            }
            let file = try SafetensorsFile(path: path)
            let missing = keys.filter { file[$0] == nil }.sorted()
            if !missing.isEmpty { notes.append(.keysNotInShard(missing, shard: shard)) }
            let extra = file.entries.map(\.name).filter { index.weightMap[$0] != shard }.sorted()
            if !extra.isEmpty { notes.append(.keysNotInIndex(extra, shard: shard)) }
            files.append(file)
        }
        self.init(files, notes: notes, index: index)
    }

    /// The tensors of one component of a whole model's file, by the component's own keys.
    init(_ part: SingleFilePart) {
        (files, notes, index) = ([part.file], [], nil)
        places = part.names.compactMapValues { name in part.file[name].map { Place(file: 0, entry: $0) } }
    }

    private init(_ files: [SafetensorsFile], notes: [SafetensorsIndexFault], index: SafetensorsIndex?) {
        (self.files, self.notes, self.index) = (files, notes, index)
        let shards = files.map { $0.path.pathName }
        var places: [ExactText: Place] = [:]
        for (number, file) in files.enumerated() {
            for entry in file.entries {
                let name = ExactText(entry.name)
                let isNamed = index?.weightMap[entry.name] == shards[number]
                if isNamed || places[name] == nil { places[name] = Place(file: number, entry: entry) }
            }
        }
        self.places = places
    }

    /// Every tensor's name, sorted.
    package var names: [String] { places.keys.map(\.text).sorted() }

    /// The tensor of this name and the file that holds it.
    package subscript(_ name: String) -> (entry: SafetensorsEntry, file: SafetensorsFile)? {
        places[ExactText(name)].map { ($0.entry, files[$0.file]) }
    }

    /// The file, or the index over several.
    package var path: String { index?.path ?? files.first?.path ?? "" }

    /// What an index says of a tensor that no file has.
    ///
    /// - Parameter name: the tensor's
    /// - Returns: nil if there is no index or it does not name the tensor either
    package func brokenPromise(of name: String) -> SafetensorsError? {
        guard let index, let shard = index.weightMap[name], places[ExactText(name)] == nil else { return nil }
        let isThere = !notes.contains(.missingShard(shard))
        return .index(index.path, isThere ? .keysNotInShard([name], shard: shard) : .missingShard(shard))
    }
}
