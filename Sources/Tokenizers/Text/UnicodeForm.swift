internal import Foundation

/// The normalisation forms of Unicode.
///
/// The reference's tables are Unicode 9's: what came later passes unchanged and takes part in no composition.
// Source: huggingface/tokenizers 0.23, which uses the crate unicode-normalization-alignments 0.1.
enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    private static let latest: Unicode.Version = (9, 0)

    /// - Returns: the text in this form
    func apply(to text: [UInt8]) -> [UInt8] {
        guard !isInert(text) else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var start = 0
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            if scalar.value >= 0x300, !Self.isKnown(scalar.value) {
                append(text[start..<index], to: &result)
                result += text[index..<index + scalar.length]
                start = index + scalar.length
            }
            index += scalar.length
        }
        append(text[start...], to: &result)
        return result
    }

    private static func isKnown(_ value: UInt32) -> Bool {
        if value >= 0x3041 && value <= 0x30FF || value >= 0x3400 && value <= 0x4DB5 || value >= 0x4E00 && value <= 0x9FD5
            || value >= 0xAC00 && value <= 0xD7A3
        {
            return true
        }
        guard let age = Unicode.Scalar(value)?.properties.age else { return false }
        return age <= latest
    }

    private func append(_ text: UTF8Text, to result: inout [UInt8]) {
        guard !isInert(text) else {
            result += text
            return
        }
        let string = text.text
        switch self {
        case .nfc: result += Array(string.precomposedStringWithCanonicalMapping.utf8)
        case .nfd: result += Array(string.decomposedStringWithCanonicalMapping.utf8)
        case .nfkc: result += Array(string.precomposedStringWithCompatibilityMapping.utf8)
        case .nfkd: result += Array(string.decomposedStringWithCompatibilityMapping.utf8)
        }
    }

    /// Whether every scalar lies in a block that this form leaves alone, whatever its neighbours there.
    private func isInert(_ text: some RandomAccessCollection<UInt8>) -> Bool {
        text.withContiguousStorageIfAvailable { bytes in
            var index = 0
            while index < bytes.count {
                let scalar = bytes.scalar(at: index)
                guard scalar.value < 0x80 || isInert(scalar.value) else { return false }
                index += scalar.length
            }
            return true
        } ?? false
    }

    private func isInert(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x3400...0x4DB5, 0x4E00...0x9FD5: true
        case 0x80..<0xA0: true
        case 0xC0..<0x300, 0x400..<0x483, 0x48A..<0x588, 0x5D0..<0x5EB, 0x621..<0x64B, 0x660..<0x670,
            0x2010..<0x2028, 0x2030..<0x205F, 0x2190..<0x2200, 0x2500..<0x2760, 0x3041..<0x3097, 0x30A1..<0x30FB,
            0x3001..<0x3008, 0xAC00...0xD7A3, 0xFF01..<0xFF61, 0x1F300..<0x1F600:
            self == .nfc
        case 0xA1..<0xC0: self == .nfc || self == .nfd
        default: false
        }
    }
}
