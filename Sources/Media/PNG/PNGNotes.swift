/// What a PNG's chunks say of how the image is to be turned.
// Source: Pillow 13.0.0, PngImagePlugin.py, and Image.py, `getexif`.
struct PNGNotes {
    /// The longest text, unpacked.
    private static let textLimit = 1 << 20

    private var exif: ArraySlice<UInt8>?
    /// EXIF data as ImageMagick writes them, in hexadecimal digits.
    private var profile: ArraySlice<UInt8>?
    private var xmp, undecodableXMP: ArraySlice<UInt8>?

    /// - Parameters:
    ///   - kind: of the chunk; of each the last counts
    ///   - data: the chunk's
    /// - Throws: `.unsupported`
    mutating func read(_ kind: String, _ data: ArraySlice<UInt8>) throws(MediaError) {
        if kind == "eXIf" { exif = data }
        guard ["tEXt", "zTXt", "iTXt"].contains(kind) else { return }
        let fields = data.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        guard fields[0].count < 80 else { return }
        let keyword = String(decoding: fields[0], as: UTF8.self)
        guard ["exif", "Raw profile type exif", "XML:com.adobe.xmp"].contains(keyword) else { return }
        var text = fields.count == 2 ? fields[1] : []
        var isDecodable = true
        if kind == "zTXt" { text = try Self.unpacked(text.dropFirst(), keyword) ?? [] }
        if kind == "iTXt" {
            guard let content = try Self.international(text, keyword) else { return }
            (text, isDecodable) = content
        }
        switch keyword {
        case "exif" where kind == "tEXt": exif = text
        case "Raw profile type exif" where isDecodable: profile = text
        case "XML:com.adobe.xmp":
            if isDecodable { xmp = text }
            if kind == "iTXt" { undecodableXMP = text }
        default: break
        }
    }

    /// How the image is to be turned, after all chunks.
    var orientation: ImageOrientation {
        var data = exif
        if data == nil, let profile {
            guard let bytes = Self.bytes(hexadecimal: profile) else { return .upright }
            data = bytes[...]
        }
        return ImageOrientation(exif: data, xmp: xmp?.isEmpty == false ? xmp : undecodableXMP)
    }

    /// What follows an iTXt's keyword: packed or not, how, a language, the keyword in it, the text.
    private static func international(
        _ data: ArraySlice<UInt8>, _ keyword: String
    ) throws(MediaError) -> (text: ArraySlice<UInt8>, isDecodable: Bool)? {
        guard let isPacked = data.first, let method = data.dropFirst().first else { return nil }
        let fields = data.dropFirst(2).split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, isPacked == 0 || method == 0 else { return nil }
        guard let text = isPacked == 0 ? fields[2] : try unpacked(fields[2], keyword) else { return nil }
        return (text, [fields[0], fields[1], text].allSatisfy { String(validating: $0, as: UTF8.self) != nil })
    }

    /// A packed text, or nil of one that is broken.
    private static func unpacked(
        _ packed: ArraySlice<UInt8>, _ keyword: String
    ) throws(MediaError) -> ArraySlice<UInt8>? {
        var inflater = try Inflater()
        var isTooLong = false
        let text = [UInt8](unsafeUninitializedCapacity: textLimit) { buffer, count in
            packed.withUnsafeBufferPointer { packed in
                var input = packed
                count = inflater.unpack(&input, into: buffer)
                isTooLong = !inflater.isAtEnd && !input.isEmpty
            }
        }
        if isTooLong { throw .unsupported(.png, "its text \(keyword) unpacks to more than \(textLimit) bytes") }
        return inflater.isBroken ? nil : text[...]
    }

    /// The bytes behind three lines, two digits each, blanks between them.
    private static func bytes(hexadecimal text: ArraySlice<UInt8>) -> [UInt8]? {
        let lines = text.split(separator: 0x0A, omittingEmptySubsequences: false)
        var bytes: [UInt8] = []
        var first: UInt8?
        for character in lines.dropFirst(3).joined() {
            if [0x20, 0x09, 0x0B, 0x0C, 0x0D].contains(character), first == nil { continue }
            guard character < 0x80, let digit = Character(Unicode.Scalar(character)).hexDigitValue else { return nil }
            if let upper = first {
                bytes.append(upper << 4 | UInt8(digit))
                first = nil
            } else {
                first = UInt8(digit)
            }
        }
        return first == nil ? bytes : nil
    }
}
