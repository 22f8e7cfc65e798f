internal import Files
internal import Foundation

/// A part's weights as safetensors, under the names that the loader knows.
enum ComponentWeights: Equatable {
    case single(String)
    case sharded(index: String)

    /// Looks for an index, then for a single file; nil where there is neither, whatever variants there are.
    ///
    /// - Parameters:
    ///   - folder: the part's folder
    ///   - names: the files of the repository
    init?(in folder: String, among names: Set<String>) {
        for stem in ["diffusion_pytorch_model", "model"] {
            let single = "\(folder)/\(stem).safetensors"
            if names.contains("\(single).index.json") {
                self = .sharded(index: "\(single).index.json")
                return
            }
            if names.contains(single) {
                self = .single(single)
                return
            }
        }
        return nil
    }

    /// The index over several files.
    var index: String? {
        if case .sharded(let index) = self { index } else { nil }
    }

    /// The files that hold the weights.
    ///
    /// - Parameter read: gives the bytes of the index
    /// - Returns: paths in the repository, sorted
    func files(read: (String) throws(HubError) -> [UInt8]) throws(HubError) -> [String] {
        switch self {
        case .single(let file): return [file]
        case .sharded(let index): return try Self.shards(of: index, read(index))
        }
    }

    private struct Index: Decodable {
        let weightMap: [String: String]

        enum CodingKeys: String, CodingKey {
            case weightMap = "weight_map"
        }
    }

    private static func shards(of index: String, _ json: [UInt8]) throws(HubError) -> [String] {
        guard let map = try? JSONDecoder().decode(Index.self, from: Data(json)).weightMap, !map.isEmpty else {
            throw .shardIndex(file: index, "it has no weight_map, or an empty one")
        }
        var shards: [String] = []
        for shard in Set(map.values).sorted() {
            guard RepositoryFile.isSafe(shard), shard.isFileName else { throw .unsafeName(shard) }
            guard shard.hasSuffix(".safetensors") else {
                throw .shardIndex(file: index, "it names \(shard), which is no safetensors file")
            }
            shards.append(index.pathFolder + shard)
        }
        return shards
    }
}
