internal import Foundation

/// Stage 1 of a tokenizer: makes texts that mean the same the same.
// Source: huggingface/tokenizers, src/normalizers at 3ba8ad0.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case form(UnicodeForm)
    case lowercase
    case strip(left: Bool, right: Bool)
    case stripAccents
    case replace(Pattern, with: [UInt8])
    case prepend([UInt8])
    case characterMap(CharacterMap)
    case byteLevel
    case nmt

    /// Normalizes a text.
    ///
    /// - Parameters:
    ///   - text: any text
    ///   - keepsStart: set to false if the text's first character is removed, so that what comes first then did not
    ///     begin the original
    /// - Returns: the normalized text
    /// - Throws: ``TokenizerError/corruptCharacterMap(_:)``, ``TokenizerError/patternTooSlow(_:)``
    func normalize(_ text: [UInt8], keepsStart: inout Bool) throws -> [UInt8] {
        guard !text.isEmpty else { return text }
        switch self {
        case .sequence(let stages): return try stages.reduce(text) { try $1.normalize($0, keepsStart: &keepsStart) }
        case .form(let form): return form.apply(to: text)
        case .lowercase: return Self.lowercased(text)
        case .strip(let left, let right):
            if left, ScalarProperties(text.scalar(at: 0).value).isWhitespace { keepsStart = false }
            return Self.stripped(text, left: left, right: right)
        case .stripAccents: return Self.mapped(text, &keepsStart) { Self.isCombiningMark($0) ? nil : $0 }
        case .replace(let pattern, let content):
            let stretches = try pattern.stretches(of: text[...])
            // What replaces several characters counts as standing where the last of them stood.
            if let first = stretches.first, first.isMatch,
                content.isEmpty || text.scalar(at: 0).length < first.range.count
            {
                keepsStart = false
            }
            return stretches.reduce(into: []) { $0 += $1.isMatch ? content[...] : text[$1.range] }
        case .prepend(let prefix): return prefix + text
        case .characterMap(let map): return try map.apply(to: text)
        case .byteLevel: return ByteLevel.encode(text)
        case .nmt: return Self.mapped(text, &keepsStart, Self.nmt)
        }
    }

    /// - Throws: ``TokenizerError/corruptCharacterMap(_:)``, ``TokenizerError/patternTooSlow(_:)``
    func normalize(_ text: [UInt8]) throws -> [UInt8] {
        var keepsStart = true
        return try normalize(text, keepsStart: &keepsStart)
    }

    private static func lowercased(_ text: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            if scalar.value < 0x80 {
                let isUpper = scalar.value >= 0x41 && scalar.value <= 0x5A
                result.append(isUpper ? text[index] | 0x20 : text[index])
            } else if scalar.value >= 0x3000 && scalar.value < 0xA000 {
                result += text[index..<index + scalar.length]
            } else if let properties = Unicode.Scalar(scalar.value)?.properties {
                result += properties.lowercaseMapping.utf8
            }
            index += scalar.length
        }
        return result
    }

    private static func stripped(_ text: [UInt8], left: Bool, right: Bool) -> [UInt8] {
        var start = 0
        var end = text.count
        while left, start < end {
            let scalar = text.scalar(at: start)
            guard ScalarProperties(scalar.value).isWhitespace else { break }
            start += scalar.length
        }
        while right, end > start {
            let last = text.index(beforeScalarAt: end)
            guard ScalarProperties(text.scalar(at: last).value).isWhitespace else { break }
            end = last
        }
        return Array(text[start..<end])
    }

    private static func mapped(
        _ text: [UInt8], _ keepsStart: inout Bool, _ map: (UInt32) -> UInt32?
    ) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            if let value = map(scalar.value) {
                result.append(scalar: value)
            } else if index == 0 {
                keepsStart = false
            }
            index += scalar.length
        }
        return result
    }

    /// Marks as Unicode 9 has them; of three scalars later versions say otherwise.
    private static func isCombiningMark(_ value: UInt32) -> Bool {
        if value < 0x300 || value == 0x111C9 { return false }
        if value == 0x1CF2 || value == 0x1CF3 { return true }
        guard let age = Unicode.Scalar(value)?.properties.age, age <= (9, 0) else { return false }
        return ScalarProperties(value).categoryMask & Category.marks != 0
    }

    private static func nmt(_ scalar: UInt32) -> UInt32? {
        switch scalar {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: nil
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: 0x20
        default: scalar
        }
    }
}

extension Normalizer {
    /// The stages without options, by their names.
    private static let plain: [String: Normalizer] = [
        "Lowercase": .lowercase, "StripAccents": .stripAccents, "ByteLevel": .byteLevel, "Nmt": .nmt,
    ]

    /// Reads `normalizer` of a `tokenizer.json`.
    init(_ fields: Fields) throws {
        let type = try fields.string("type")
        switch type {
        case "Sequence":
            try fields.allow("normalizers")
            self = .sequence(try fields.list("normalizers").map(Normalizer.init))
        case "Strip":
            try fields.allow("strip_left", "strip_right")
            self = .strip(left: try fields.bool("strip_left"), right: try fields.bool("strip_right"))
        case "Replace":
            try fields.allow("pattern", "content")
            self = .replace(try Pattern(fields.fields("pattern")), with: Array(try fields.string("content").utf8))
        case "Prepend":
            try fields.allow("prepend")
            self = .prepend(Array(try fields.string("prepend").utf8))
        case "Precompiled":
            try fields.allow("precompiled_charsmap")
            self = .characterMap(try CharacterMap(base64: fields))
        default:
            try fields.allow()
            if let form = UnicodeForm(rawValue: type) {
                self = .form(form)
            } else if let stage = Self.plain[type] {
                self = stage
            } else {
                throw fields.unsupported("type", "the normalizer \(type)")
            }
        }
    }
}

extension CharacterMap {
    /// Reads `precompiled_charsmap` of a `Precompiled` normalizer.
    init(base64 fields: Fields) throws {
        guard let data = Data(base64Encoded: try fields.string("precompiled_charsmap")) else {
            throw fields.invalid("precompiled_charsmap", "it is no base64")
        }
        do { try self.init(Array(data)) } catch let error as TokenizerError {
            throw fields.invalid("precompiled_charsmap", "\(error)")
        }
    }
}
