/// What a file holds in place of a part of a model: what downloads and mix-ups leave under its name.
package enum ForeignContent: Error, Equatable, Sendable {
    case zeros
    /// A few lines that stand for a large file in a git repository.
    case pointer(GitStorage)
    /// HTML, or the XML of a store of files that answers with an error.
    case page
    /// A server's answer, as it was saved.
    case errorMessage(String)
    case archive(String)
    case pytorch
    case pickle
    /// Another format of weights.
    case weights(String)
    case image(String)

    /// What keeps large files out of a git repository.
    package enum GitStorage: String, Sendable {
        case lfs = "Git-LFS"
        case xet = "Git-Xet"
    }

    /// How many bytes at a file's beginning are looked at.
    package static let prefixLength = 512

    /// Recognises what no part of a model begins with.
    ///
    /// - Parameter bytes: the file's first bytes, ``prefixLength`` of them if it has so many
    package init?(_ bytes: some Collection<UInt8>) {
        let start = Array(bytes.prefix(Self.prefixLength))
        if start.count >= 64, start.allSatisfy({ $0 == 0 }) {
            self = .zeros
        } else if let found = Self.byMagic(start) ?? Self.byText(start) {
            self = found
        } else {
            return nil
        }
    }
}

// MARK: - Recognition

extension ForeignContent {
    private static let magics: [(bytes: [UInt8], content: ForeignContent)] = [
        ([0x1F, 0x8B], .archive("gzip")), (Array("BZh".utf8), .archive("bzip2")),
        ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00], .archive("xz")), ([0x28, 0xB5, 0x2F, 0xFD], .archive("zstd")),
        ([0x04, 0x22, 0x4D, 0x18], .archive("lz4")), ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], .archive("7z")),
        (Array("Rar!".utf8), .archive("RAR")), ([0x50, 0x4B, 0x03, 0x04], .archive("ZIP")),
        ([0x50, 0x4B, 0x05, 0x06], .archive("ZIP")), (Array("GGUF".utf8), .weights("GGUF")),
        ([0x89, 0x48, 0x44, 0x46], .weights("HDF5")), ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59], .weights("NumPy")),
        ([0x89, 0x50, 0x4E, 0x47], .image("PNG")), ([0xFF, 0xD8, 0xFF], .image("JPEG")),
    ]

    private static func byMagic(_ start: [UInt8]) -> ForeignContent? {
        if let magic = magics.first(where: { start.starts(with: $0.bytes) }) {
            let isPyTorch = magic.content == .archive("ZIP") && start.contains(sequence: "/data.pkl")
            return isPyTorch ? .pytorch : magic.content
        }
        if start.count > 262, start[257...].starts(with: "ustar".utf8) { return .archive("tar") }
        // The opening of protocols 2 to 5, which is no text, no length of a header and no field of a message.
        if start.count > 1, start[0] == 0x80, 2...5 ~= start[1] { return .pickle }
        return nil
    }

    private static func byText(_ start: [UInt8]) -> ForeignContent? {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        var text = start[...]
        if text.starts(with: [0xEF, 0xBB, 0xBF]) { text = text.dropFirst(3) }
        text = text.drop(while: blanks.contains)
        if text.starts(with: "version https://git-lfs".utf8) { return .pointer(.lfs) }
        if text.starts(with: "version https://hawser".utf8) { return .pointer(.lfs) }
        if text.starts(with: "# xet version".utf8) { return .pointer(.xet) }
        let lowered = text.prefix(20).map { 0x41...0x5A ~= $0 ? $0 | 0x20 : $0 }
        if ["<!doctype", "<html", "<head", "<?xml"].contains(where: { lowered.starts(with: $0.utf8) }) { return .page }
        if errorTexts.contains(where: { lowered.starts(with: $0.utf8) }) {
            return .errorMessage(String(decoding: text.prefix { $0 != 0x0A }, as: UTF8.self))
        }
        return errorObject(Array(text))
    }

    /// How servers of models begin to say, in small letters, that they will not or cannot.
    private static let errorTexts = [
        "entry not found", "repository not fo", "revision not foun", "invalid username", "access to model ",
        "access to dataset", "not found", "404", "403 forbidden", "401 unauthorized", "unauthorized", "forbidden",
        "internal server e", "bad gateway", "502 bad gateway", "503 service", "service unavailab", "too many requests",
    ]

    /// An object that begins with an error and its text, as no config and no vocabulary does.
    private static func errorObject(_ text: [UInt8]) -> ForeignContent? {
        var reader = StrictJSONReader(text)
        guard (try? reader.beginObject()) != nil, let key = try? reader.nextKey() else { return nil }
        guard ["error", "errors", "detail", "message", "statusCode"].contains(key) else { return nil }
        var rest = reader
        if let message = try? rest.string() { return .errorMessage(message) }
        reader.skipBlanks()
        let value = text[reader.offset...].prefix(100)
        let isText = value.first.map { Array("\"{[".utf8).contains($0) } ?? false
        return isText ? .errorMessage(String(decoding: value, as: UTF8.self)) : nil
    }
}

extension [UInt8] {
    fileprivate func contains(sequence text: String) -> Bool {
        let wanted = Array(text.utf8)
        return indices.contains { self[$0...].starts(with: wanted) }
    }
}

// MARK: - Sentences

extension ForeignContent: CustomStringConvertible {
    package var description: String {
        switch self {
        case .zeros: "begins with nothing but zeros: its download did not finish; download it again"
        case .pointer(let storage):
            "is a \(storage.rawValue) pointer, not the file it stands for; "
                + (storage == .lfs ? "run 'git lfs pull' in its folder, or " : "") + "download the file itself"
        case .page: "is an HTML or XML page, not the file; download the file itself, not the page that shows it"
        case .errorMessage(let message):
            "is an error message of a server, \(message.quoted), not the file; download it again"
        case .archive(let format): "is packed with \(format); unpack it"
        case .pytorch: "is a PyTorch file, which can run code and is not read; convert it to safetensors"
        case .pickle: "is a Python pickle, which can run code and is not read; convert it to safetensors"
        case .weights(let format): "is a file of weights in the format \(format); only safetensors are read"
        case .image(let format): "is an image, a \(format)"
        }
    }
}
