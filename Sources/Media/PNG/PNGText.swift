/// A text that travels in a PNG, such as the prompt that made the picture.
package struct PNGText: Equatable, Sendable {
    /// 1 to 79 Latin-1 characters.
    package let keyword: String
    /// Any text without NUL.
    package let text: String

    package init(keyword: String, text: String) {
        (self.keyword, self.text) = (keyword, text)
    }

    /// The texts of a PNG, in the file's order.
    ///
    /// Latin-1 texts (tEXt) and UTF-8 texts (iTXt) are read. Compressed ones are passed over, so that a small file
    /// cannot become a large text; so are chunks that are no proper texts.
    ///
    /// - Parameter bytes: a whole file
    /// - Returns: the texts; one keyword may come several times
    /// - Throws: `.notAnImage`, `.damaged`
    // Source: W3C, Portable Network Graphics (Third Edition), 11.3.3.
    package static func read(_ bytes: [UInt8]) throws(MediaError) -> [PNGText] {
        var chunks = try PNGChunks(bytes)
        var texts: [PNGText] = []
        while let chunk = try chunks.next() {
            if let text = PNGText(chunk) { texts.append(text) }
        }
        return texts
    }

    /// Puts texts into a PNG, behind its first chunk.
    ///
    /// - Parameters:
    ///   - texts: in the order they shall have
    ///   - bytes: a whole file
    /// - Returns: the file with the texts
    /// - Throws: `.notAnImage`, `.damaged`, and `.textKeyword` or `.textHoldsNUL` for what PNG cannot say
    package static func insert(_ texts: [PNGText], into bytes: [UInt8]) throws(MediaError) -> [UInt8] {
        var chunks = try PNGChunks(bytes)
        guard let header = try chunks.next() else { throw .damaged(.png, "it has no chunk") }
        var result = Array(bytes[..<header.data.endIndex.advanced(by: 4)])
        for text in texts { result.append(contentsOf: try text.chunk().encoded) }
        return result + bytes[header.data.endIndex.advanced(by: 4)...]
    }
}

// MARK: - Reading

extension PNGText {
    private init?(_ chunk: PNGChunk) {
        let fields = chunk.data.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard fields.count == 2, 1...79 ~= fields[0].count else { return nil }
        keyword = Self.latin1(fields[0])
        switch chunk.kind {
        case "tEXt": text = Self.latin1(fields[1])
        case "iTXt":
            guard let translation = Self.uncompressed(fields[1]) else { return nil }
            text = translation
        default: return nil
        }
    }

    /// What follows an iTXt's keyword: compressed or not, the method, a language, the keyword in it, the text.
    private static func uncompressed(_ data: ArraySlice<UInt8>) -> String? {
        guard data.first == 0 else { return nil }
        let fields = data.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        return fields.count == 3 ? String(validating: fields[2], as: UTF8.self) : nil
    }

    private static func latin1(_ bytes: ArraySlice<UInt8>) -> String {
        String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
    }
}

// MARK: - Writing

extension PNGText {
    private func chunk() throws(MediaError) -> PNGChunk {
        let scalars = keyword.unicodeScalars
        guard 1...79 ~= scalars.count, scalars.allSatisfy({ Self.isPrintableLatin1($0) && $0 != "\u{A0}" }),
            scalars.first != " ", scalars.last != " ", !keyword.contains("  ")
        else { throw .textKeyword(keyword) }
        guard !text.unicodeScalars.contains("\0") else { throw .textHoldsNUL(keyword: keyword) }
        let key = scalars.map { UInt8(truncatingIfNeeded: $0.value) }
        if text.unicodeScalars.allSatisfy({ Self.isPrintableLatin1($0) || $0 == "\n" }) {
            let latin1 = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            return PNGChunk(kind: "tEXt", data: (key + [0] + latin1)[...])
        }
        return PNGChunk(kind: "iTXt", data: (key + [0, 0, 0, 0, 0] + Array(text.utf8))[...])
    }

    private static func isPrintableLatin1(_ scalar: Unicode.Scalar) -> Bool {
        0x20...0x7E ~= scalar.value || 0xA0...0xFF ~= scalar.value
    }
}
