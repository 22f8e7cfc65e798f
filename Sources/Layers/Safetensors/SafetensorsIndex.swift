internal import Files

/// A `*.safetensors.index.json`: which file of the folder holds which tensor.
///
/// ```json
/// { "metadata": { "total_size": 24 }, "weight_map": { "a.weight": "model-00001-of-00002.safetensors" } }
/// ```
/// Other keys, and other texts and numbers under `metadata`, are read over.
package struct SafetensorsIndex: Equatable, Sendable {
    /// The longest index that is read, in bytes.
    package static let lengthLimit = 100_000_000

    /// Where the index lies.
    package let path: String
    /// The bytes of all tensors as the index counts them, where it gives a whole number; known to be wrong in the wild.
    package let totalSize: Int?
    /// The file's name for each tensor's key; every name is a plain file name.
    package let weightMap: [String: String]

    /// The names of the files, sorted.
    package var shards: [String] { Set(weightMap.values).sorted() }

    /// - Throws: `.file` or `.index`
    package init(path: String) throws(SafetensorsError) {
        let text = try onFile { () throws(FileError) in
            try InputFile(reading: path).readModelPart(limit: Self.lengthLimit)
        }
        try self.init(text: text, path: path)
    }

    init(text: [UInt8], path: String) throws(SafetensorsError) {
        var reader = StrictJSONReader(text)
        do {
            (totalSize, weightMap) = try Self.read(&reader)
        } catch {
            throw .index(path, .malformed(error))
        }
        self.path = path
        guard !weightMap.isEmpty else { throw .index(path, .empty) }
        for (key, shard) in weightMap where !Self.isPlainName(shard) {
            throw .index(path, .unsafeShardName(shard, key: key))
        }
    }

    private static func read(_ reader: inout StrictJSONReader) throws(StrictJSONError) -> (Int?, [String: String]) {
        var totalSize: Int?
        var weightMap: [String: String]?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "weight_map" where weightMap == nil:
                weightMap = try reader.texts(keyLimit: SafetensorsHeader.nameLimit)
            case "weight_map": throw reader.error(.duplicateKey(key))
            case "metadata" where reader.isAtObject(): totalSize = try readTotalSize(&reader)
            default: try reader.skipValue()
            }
        }
        try reader.end()
        guard let weightMap else { throw reader.error(.missingKey("weight_map")) }
        return (totalSize, weightMap)
    }

    private static func readTotalSize(_ reader: inout StrictJSONReader) throws(StrictJSONError) -> Int? {
        var totalSize: Int?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            var lookAhead = reader
            if key == "total_size", let size = try? lookAhead.wholeNumber() {
                totalSize = size
                reader = lookAhead
            } else {
                try reader.skipValue()
            }
        }
        return totalSize
    }

    /// Whether the name stays inside its folder: not empty, no slash, no NUL, no backslash, neither `.` nor `..`.
    private static func isPlainName(_ name: String) -> Bool {
        let forbidden: [UInt8] = [0, UInt8(ascii: "/"), UInt8(ascii: "\\")]
        return !["", ".", ".."].contains(name) && !name.utf8.contains(where: forbidden.contains)
    }
}
