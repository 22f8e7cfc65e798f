internal import Files

/// A safetensors file: its checked header, and its tensors' bytes where the system maps them.
package struct SafetensorsFile: Sendable {
    /// The mapping that every pointer into the file needs alive.
    package let mapping: MappedFile
    /// What the file holds.
    package let header: SafetensorsHeader
    private let places: [ExactText: Int]

    /// Opens a file and checks its header, reading no tensor.
    ///
    /// - Throws: `.file`, `.header` or `.tensor`
    package init(path: String) throws(SafetensorsError) {
        mapping = try MappedFile(path: path)
        header = try Self.header(of: mapping)
        places = Dictionary(uniqueKeysWithValues: header.entries.enumerated().map { (ExactText($1.name), $0) })
    }

    /// The header, or what a file without one really is.
    private static func header(of mapping: MappedFile) throws(SafetensorsError) -> SafetensorsHeader {
        do {
            return try SafetensorsHeader(of: mapping.bytes, file: mapping.path)
        } catch {
            guard case .header = error, let content = ForeignContent(mapping.bytes) else { throw error }
            throw .file(mapping.path, .foreign(content))
        }
    }

    /// The file's path, as it was given.
    package var path: String { mapping.path }
    /// The tensors, in the order of their bytes.
    package var entries: [SafetensorsEntry] { header.entries }
    /// The texts under `__metadata__`.
    package var metadata: [String: String] { header.metadata }

    /// The tensor of this name, if there is one.
    package subscript(_ name: String) -> SafetensorsEntry? { places[ExactText(name)].map { header.entries[$0] } }

    /// A tensor's bytes in the mapping, not necessarily aligned (`SafetensorsEntry.isAligned`).
    ///
    /// - Parameter entry: one of this file's entries
    /// - Returns: memory that is valid while `mapping` lives; whoever keeps the pointer keeps `mapping`
    package func bytes(of entry: SafetensorsEntry) -> UnsafeRawBufferPointer {
        precondition(entry.byteRange.upperBound <= mapping.bytes.count, "the entry belongs to another file")
        return UnsafeRawBufferPointer(rebasing: mapping.bytes[entry.byteRange])
    }
}
