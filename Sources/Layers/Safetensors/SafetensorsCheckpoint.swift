/// The tensors of one component of a model, from one file or from all files of an index.
package struct SafetensorsCheckpoint: Sendable {
    /// The files, sorted by name where there are several.
    package let files: [SafetensorsFile]
    private let places: [String: Place]

    private struct Place {
        let file: Int
        let entry: SafetensorsEntry
    }

    /// Opens what `CheckpointFiles.locate` found.
    ///
    /// - Throws: ``SafetensorsError``
    package init(_ location: CheckpointFiles) throws(SafetensorsError) {
        switch location {
        case .single(let path): self.init([try SafetensorsFile(path: path)])
        case .sharded(let path): try self.init(SafetensorsIndex(path: path))
        }
    }

    /// Opens every file of an index, and checks that index and files name the same tensors.
    ///
    /// - Throws: ``SafetensorsError``
    package init(_ index: SafetensorsIndex) throws(SafetensorsError) {
        var files: [SafetensorsFile] = []
        let expected = Dictionary(grouping: index.weightMap.keys) { index.weightMap[$0] ?? "" }
        for (shard, keys) in expected.sorted(by: { $0.key < $1.key }) {
            let path = index.path.siblingPath(shard)
            guard path.isExistingPath else { throw .index(index.path, .missingShard(shard)) }
            let file = try SafetensorsFile(path: path)
            let missing = keys.filter { file[$0] == nil }.sorted()
            guard missing.isEmpty else { throw .index(index.path, .keysNotInShard(missing, shard: shard)) }
            let extra = file.entries.map(\.name).filter { index.weightMap[$0] != shard }.sorted()
            guard extra.isEmpty else { throw .index(index.path, .keysNotInIndex(extra, shard: shard)) }
            files.append(file)
        }
        self.init(files)
    }

    /// - Parameter files: files of which no two name the same tensor
    private init(_ files: [SafetensorsFile]) {
        self.files = files
        var places: [String: Place] = [:]
        for (number, file) in files.enumerated() {
            for entry in file.entries { places[entry.name] = Place(file: number, entry: entry) }
        }
        self.places = places
    }

    /// Every tensor's name, sorted.
    package var names: [String] { places.keys.sorted() }

    /// The tensor of this name and the file that holds it.
    package subscript(_ name: String) -> (entry: SafetensorsEntry, file: SafetensorsFile)? {
        places[name].map { ($0.entry, files[$0.file]) }
    }
}
