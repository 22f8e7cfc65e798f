/// A text that travels in a PNG, such as the prompt that made the image.
package struct PNGText: Equatable, Sendable {
    /// 1 to 79 Latin-1 characters.
    package let keyword: String
    /// Any text without NUL.
    package let text: String

    package init(keyword: String, text: String) {
        (self.keyword, self.text) = (keyword, text)
    }

    /// The most bytes of texts that are read.
    package static let readingLimit = 4 << 20
    /// The most texts that are read.
    package static let countLimit = 10_000

    /// The texts of a PNG, in the file's order.
    ///
    /// - Parameter bytes: a whole file
    /// - Returns: the texts; one keyword may come several times
    /// - Throws: `.notAnImage`, `.damaged`, `.unsupported` where there are more texts than are read
    package static func read(_ bytes: [UInt8]) throws(MediaError) -> [PNGText] { try read(ByteSource(bytes)) }

    /// The texts of a PNG, of which only they are read.
    ///
    /// - Parameter path: the file
    /// - Returns: the texts, as ``read(_:)-(Array<UInt8>)`` gives them
    /// - Throws: also `.cannotRead`
    package static func read(path: String) throws(MediaError) -> [PNGText] { try read(ByteSource(path: path)) }

    /// Puts texts into a PNG, behind its first chunk.
    ///
    /// - Parameters:
    ///   - texts: in the order they shall have
    ///   - bytes: a whole file
    /// - Returns: the file with the texts
    /// - Throws: `.notAnImage`, `.damaged`, and `.textKeyword` or `.textHoldsNUL` for what PNG cannot say
    package static func insert(_ texts: [PNGText], into bytes: [UInt8]) throws(MediaError) -> [UInt8] {
        var chunks = try PNGChunks(ByteSource(bytes))
        let place = try chunks.next().end
        guard place <= bytes.count else { throw .damaged(.png, "it has no chunk") }
        var result = Array(bytes[..<place])
        for text in texts { result.append(contentsOf: try text.chunk()) }
        return result + bytes[place...]
    }
}

// MARK: - Reading

extension PNGText {
    /// Latin-1 texts (tEXt) and UTF-8 texts (iTXt) are read. Compressed ones are passed over, so that a small file
    /// cannot become a large text; so are chunks that are no proper texts.
    // Source: W3C, Portable Network Graphics (Third Edition), 11.3.3.
    private static func read(_ source: consuming ByteSource) throws(MediaError) -> [PNGText] {
        var chunks = try PNGChunks(source)
        var texts: [PNGText] = []
        var (size, count, hasPixels) = (0, 0, false)
        while let chunk = try next(&chunks, isNeeded: !hasPixels), chunk.kind != "IEND" {
            if chunk.kind == "IDAT" { hasPixels = true }
            guard ["tEXt", "iTXt"].contains(chunk.kind) else { continue }
            (size, count) = (size + chunk.length, count + 1)
            guard count <= countLimit, size <= readingLimit || !chunks.holds(chunk) else {
                let most = "\(countLimit) texts and \(readingLimit) bytes of them"
                throw .unsupported(.png, "it has more than \(most), which is the most that is read")
            }
            if let text = try PNGText(chunk.kind, chunks.checkedData(of: chunk)) { texts.append(text) }
        }
        return texts
    }

    /// The next chunk; nil where none follows the pixels.
    private static func next(_ chunks: inout PNGChunks, isNeeded: Bool) throws(MediaError) -> PNGChunk? {
        do throws(MediaError) {
            return try chunks.next()
        } catch {
            guard case .damaged = error, !isNeeded else { throw error }
            return nil
        }
    }

    private init?(_ kind: String, _ data: ArraySlice<UInt8>) {
        let fields = data.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard fields.count == 2, 1...79 ~= fields[0].count else { return nil }
        keyword = Self.latin1(fields[0])
        switch kind {
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
        String(decoding: bytes.flatMap { Unicode.Scalar($0).utf8 }, as: UTF8.self)
    }
}

// MARK: - Writing

extension PNGText {
    private func chunk() throws(MediaError) -> [UInt8] {
        let scalars = keyword.unicodeScalars
        guard 1...79 ~= scalars.count, scalars.allSatisfy({ Self.isPrintableLatin1($0) && $0 != "\u{A0}" }),
            scalars.first != " ", scalars.last != " ", !keyword.contains("  ")
        else { throw .textKeyword(keyword) }
        guard !text.unicodeScalars.contains("\0") else { throw .textHoldsNUL(keyword: keyword) }
        let key = scalars.map { UInt8(truncatingIfNeeded: $0.value) }
        if text.unicodeScalars.allSatisfy({ Self.isPrintableLatin1($0) || $0 == "\n" }) {
            let latin1 = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
            return PNGChunk.encoded("tEXt", key + [0] + latin1)
        }
        return PNGChunk.encoded("iTXt", key + [0, 0, 0, 0, 0] + Array(text.utf8))
    }

    private static func isPrintableLatin1(_ scalar: Unicode.Scalar) -> Bool {
        0x20...0x7E ~= scalar.value || 0xA0...0xFF ~= scalar.value
    }
}
