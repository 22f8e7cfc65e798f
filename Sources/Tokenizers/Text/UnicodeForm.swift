/// The normalisation forms of Unicode.
///
/// The algorithm is here since Foundation's composes what does not belong together (U+E0041 with U+0300, U+1109 with
/// U+1176) and leaves half-width kana apart. The tokenizers' reference has Unicode 9's tables: what came later passes
/// unchanged and takes part in no composition.
// Source: Unicode Standard Annex 15; huggingface/tokenizers 0.23, which uses unicode-normalization-alignments 0.1.
package enum UnicodeForm: String, Sendable {
    case nfc = "NFC"
    case nfd = "NFD"
    case nfkc = "NFKC"
    case nfkd = "NFKD"

    private var isComposed: Bool { self == .nfc || self == .nfkc }
    private var isCompatible: Bool { self == .nfkc || self == .nfkd }

    /// - Parameters:
    ///   - text: UTF-8
    ///   - tables: those of the version of Unicode
    /// - Returns: the text in this form
    func apply(to text: [UInt8], _ tables: @autoclosure () -> UnicodeTables = .unicode9) -> [UInt8] {
        guard !isInert(text) else { return text }
        let tables = tables()
        var scalars: [UInt32] = []
        scalars.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            if scalar.value < 0x80 {
                scalars.append(scalar.value)
            } else {
                tables.appendDecomposition(of: scalar.value, compatible: isCompatible, to: &scalars)
            }
            index += scalar.length
        }
        Self.sortMarks(&scalars, tables)
        if isComposed { Self.compose(&scalars, tables) }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        for scalar in scalars { result.append(scalar: scalar) }
        return result
    }

    /// Puts every run of marks in the order of their combining classes.
    private static func sortMarks(_ scalars: inout [UInt32], _ tables: UnicodeTables) {
        var start = 0
        while start < scalars.count {
            guard tables.combiningClass(scalars[start]) != 0 else {
                start += 1
                continue
            }
            var keys: [UInt64] = []
            var end = start
            while end < scalars.count {
                let order = tables.combiningClass(scalars[end])
                if order == 0 { break }
                keys.append(UInt64(order) << 32 | UInt64(end))
                end += 1
            }
            if keys.count > 1 {
                let marks = keys.sorted().map { scalars[Int($0 & 0xFFFF_FFFF)] }
                scalars.replaceSubrange(start..<end, with: marks)
            }
            start = end
        }
    }

    /// Joins every scalar to the last one of class 0 where nothing of its own class or higher stands between.
    private static func compose(_ scalars: inout [UInt32], _ tables: UnicodeTables) {
        var starter: Int?
        var lastClass: UInt8 = 0
        var count = 0
        for scalar in scalars {
            let order = tables.combiningClass(scalar)
            let isAdjacent = starter == count - 1
            if let place = starter, isAdjacent || lastClass < order,
                let composed = tables.composition(of: scalars[place], scalar)
            {
                scalars[place] = composed
                continue
            }
            if order == 0 { starter = count }
            lastClass = order
            scalars[count] = scalar
            count += 1
        }
        scalars.removeSubrange(count...)
    }

    /// Whether every scalar lies in a block that this form leaves alone, whatever its neighbours there.
    private func isInert(_ text: [UInt8]) -> Bool {
        var index = 0
        while index < text.count {
            let scalar = text.scalar(at: index)
            guard scalar.value < 0x80 || isInert(scalar.value) else { return false }
            index += scalar.length
        }
        return true
    }

    private func isInert(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x80..<0xA0, 0x3400...0x4DB5, 0x4E00...0x9FD5: true
        case 0xA1..<0xC0: !isCompatible
        case 0xC0..<0x300, 0x400..<0x483, 0x48A..<0x588, 0x5D0..<0x5EB, 0x621..<0x64B, 0x660..<0x670,
            0x2010..<0x2028, 0x2030..<0x205F, 0x2190..<0x2200, 0x2500..<0x2760, 0x3041..<0x3097, 0x30A1..<0x30FB,
            0x3001..<0x3008, 0xAC00...0xD7A3, 0xFF01..<0xFF61, 0x1F300..<0x1F600:
            self == .nfc
        default: false
        }
    }
}

extension UnicodeForm {
    /// Brings a text into this form, by Unicode 14 as Python 3.11 does.
    ///
    /// - Parameter text: any text
    /// - Returns: the text in this form
    package func callAsFunction(_ text: String) -> String {
        String(decoding: apply(to: Array(text.utf8), .unicode14), as: UTF8.self)
    }
}
