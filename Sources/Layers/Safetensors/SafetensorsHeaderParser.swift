internal import Files

/// Reads a header's JSON into entries, each checked on its own; how they lie together is checked by the header.
struct SafetensorsHeaderParser {
    static let metadataKey = "__metadata__"

    private var reader: StrictJSONReader
    private let dataStart: Int
    private let dataSize: Int
    private let file: String
    private var names: Set<ExactText> = []
    private(set) var entries: [SafetensorsEntry] = []
    private(set) var metadata: [String: String]?
    private var hasMetadata = false

    init(_ text: [UInt8], dataStart: Int, fileSize: Int, file: String) {
        reader = StrictJSONReader(text, depthLimit: SafetensorsHeader.depthLimit)
        self.dataStart = dataStart
        dataSize = fileSize - dataStart
        self.file = file
    }

    mutating func parse() throws(SafetensorsError) {
        do { try reader.beginObject() } catch { throw .header(file, .malformed(error)) }
        while let name = try nextName() {
            if name == Self.metadataKey {
                try parseMetadata()
            } else {
                do { try parseEntry(name) } catch { throw .tensor(name, in: file, error) }
            }
        }
        do { try reader.end() } catch { throw .header(file, .malformed(error)) }
    }

    private mutating func nextName() throws(SafetensorsError) -> String? {
        do { return try reader.nextKey() } catch { throw .header(file, .malformed(error)) }
    }

    private mutating func parseMetadata() throws(SafetensorsError) {
        do throws(StrictJSONError) {
            guard !hasMetadata else { throw reader.error(.duplicateKey(Self.metadataKey)) }
            hasMetadata = true
            if try reader.takeNull() { return }
            metadata = try reader.texts(keyLimit: SafetensorsHeader.nameLimit, takingLast: true)
        } catch {
            throw .header(file, .malformedMetadata(error))
        }
    }

    private mutating func parseEntry(_ name: String) throws(SafetensorsTensorFault) {
        let limit = (name: SafetensorsHeader.nameLimit, count: SafetensorsHeader.tensorLimit)
        guard name.utf8.count <= limit.name else { throw .nameTooLong(bytes: name.utf8.count, limit: limit.name) }
        guard names.insert(ExactText(name)).inserted else { throw .duplicate }
        guard entries.count < limit.count else { throw .tooMany(limit: limit.count) }
        let fields: Fields
        do { fields = try Fields(&reader) } catch { throw .malformed(error) }
        entries.append(try entry(name, fields))
    }

    private func entry(_ name: String, _ fields: Fields) throws(SafetensorsTensorFault) -> SafetensorsEntry {
        guard let dtype = SafetensorsDtype(rawValue: fields.dtype) else { throw .unknownDtype(fields.dtype) }
        guard fields.offsets.count == 2 else { throw .offsetsAreNotTwo }
        let (begin, end) = (fields.offsets[0], fields.offsets[1])
        guard begin <= end else { throw .offsetsReversed(begin, end) }
        guard end <= dataSize else { throw .beyondData(end: end, available: dataSize) }
        guard let expected = dtype.byteCount(shape: fields.shape) else { throw .sizeOverflows(shape: fields.shape) }
        guard dtype.fillsBytes(shape: fields.shape) else { throw .endsWithinAByte(dtype, shape: fields.shape) }
        guard end - begin == expected else {
            throw .wrongSize(shape: fields.shape, expected: expected, found: end - begin)
        }
        return SafetensorsEntry(
            name: name, dtype: dtype, shape: fields.shape, byteRange: dataStart + begin..<dataStart + end)
    }
}

/// The three fields of a tensor as the header has them; none may be missing or doubled, and others are read over.
private struct Fields {
    let dtype: String
    let shape, offsets: [Int]

    init(_ reader: inout StrictJSONReader) throws(StrictJSONError) {
        var dtype: String?
        var shape, offsets: [Int]?
        try reader.beginObject()
        while let key = try reader.nextKey() {
            switch key {
            case "dtype" where dtype == nil: dtype = try reader.string()
            case "shape" where shape == nil: shape = try reader.wholeNumbers(limit: SafetensorsHeader.dimensionLimit)
            case "data_offsets" where offsets == nil: offsets = try reader.wholeNumbers(limit: 2)
            case "dtype", "shape", "data_offsets": throw reader.error(.duplicateKey(key))
            default: try reader.skipValue()
            }
        }
        guard let dtype else { throw reader.error(.missingKey("dtype")) }
        guard let shape else { throw reader.error(.missingKey("shape")) }
        guard let offsets else { throw reader.error(.missingKey("data_offsets")) }
        (self.dtype, self.shape, self.offsets) = (dtype, shape, offsets)
    }
}
