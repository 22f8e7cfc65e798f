/// What a safetensors file says of itself: its tensors, in the order of their bytes, and its metadata.
///
/// Everything in it has been checked against the file's size, so that the byte range of every entry can be read.
/// What the reference reads is read here, but for what `docs/differences.md` lists.
// Source: huggingface/safetensors, safetensors/src/tensor.rs at v0.8.0, `SafeTensors::read_metadata`, `Metadata::validate`.
package struct SafetensorsHeader: Equatable, Sendable {
    /// The longest header that is read, in bytes; the reference has the same limit.
    package static let lengthLimit = 100_000_000
    /// The most tensors that one file may hold.
    package static let tensorLimit = 1_000_000
    /// The most dimensions that a tensor may have.
    package static let dimensionLimit = 32
    /// The longest name of a tensor, and the longest key of the metadata, in bytes.
    package static let nameLimit = 1024
    /// The deepest nesting, as the reference has it; a header needs three levels.
    static let depthLimit = 128

    /// The tensors, in the order of their bytes; no two have the same name.
    package let entries: [SafetensorsEntry]
    /// The texts under `__metadata__`.
    package let metadata: [String: String]

    /// Reads and checks the header of a whole file.
    ///
    /// - Parameters:
    ///   - bytes: the whole file
    ///   - file: how messages name it
    /// - Throws: `.header` or `.tensor`
    package init(of bytes: UnsafeRawBufferPointer, file: String) throws(SafetensorsError) {
        guard bytes.count >= 8 else { throw .header(file, .noLength(fileSize: bytes.count)) }
        let claimed = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
        let available = bytes.count - 8
        guard claimed > 0 else { throw .header(file, .empty) }
        guard claimed <= UInt64(Self.lengthLimit) else {
            throw .header(file, .tooLong(claimed: claimed, limit: Self.lengthLimit))
        }
        let length = Int(claimed)
        guard length <= available else { throw .header(file, .beyondFile(claimed: claimed, available: available)) }
        let text = [UInt8](UnsafeRawBufferPointer(rebasing: bytes[8..<8 + length]))
        guard text.first(where: { !" \t\r\n".utf8.contains($0) }) == UInt8(ascii: "{") else {
            throw .header(file, .noBrace)
        }
        try self.init(text: text, dataStart: 8 + length, fileSize: bytes.count, file: file)
    }

    private init(text: [UInt8], dataStart: Int, fileSize: Int, file: String) throws(SafetensorsError) {
        var parser = SafetensorsHeaderParser(text, dataStart: dataStart, fileSize: fileSize, file: file)
        try parser.parse()
        entries = try Self.gapless(parser.entries, dataStart: dataStart, fileSize: fileSize, file: file)
        metadata = parser.metadata ?? [:]
    }

    /// The entries in the order of their bytes, if these fill the data without overlap and hole.
    private static func gapless(
        _ entries: [SafetensorsEntry], dataStart: Int, fileSize: Int, file: String
    ) throws(SafetensorsError) -> [SafetensorsEntry] {
        let sorted = entries.sorted {
            ($0.byteRange.lowerBound, $0.byteRange.upperBound) < ($1.byteRange.lowerBound, $1.byteRange.upperBound)
        }
        var end = dataStart
        var previous = ""
        for entry in sorted {
            let begin = entry.byteRange.lowerBound
            guard begin >= end else { throw .tensor(entry.name, in: file, .overlaps(previous)) }
            guard begin == end else { throw .tensor(entry.name, in: file, .leavesHole(begin - end)) }
            end = entry.byteRange.upperBound
            previous = entry.name
        }
        guard end == fileSize else { throw .header(file, .bytesAfterLastTensor(fileSize - end)) }
        return sorted
    }
}
