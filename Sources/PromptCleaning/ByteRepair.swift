/// Puts back bytes of UTF-8 that were lost while the text was misread.
// Source: ftfy 6.3.1, fixes.py and chardata.py.
enum ByteRepair {
    /// Which bytes may stand at one place of a sequence.
    private typealias Place = [ClosedRange<UInt8>]

    private static let blank: Place = [0x20...0x20]
    /// Continuation bytes but for the hard blank itself and an ellipsis.
    private static let plain: Place = [0x80...0x84, 0x86...0x9F, 0xA1...0xBF]
    private static let any: Place = [0x80...0xBF]
    private static let lost: Place = [0x1A...0x1A, 0x3F...0x3F]
    private static let anyOrLost: Place = [0x1A...0x1A, 0x80...0xBF]
    private static let anyOrMark: Place = [0x1A...0x1A, 0x3F...0x3F, 0x80...0xBF]

    private static let withBlanks: [[Place]] = [
        [[0xC2...0xC3, 0xC5...0xC5, 0xCE...0xCE, 0xD0...0xD0, 0xD9...0xD9], blank],
        [[0xE2...0xE3], blank, plain],
        [[0xE0...0xE3], plain, blank],
        [[0xF0...0xF0], blank, any, any],
        [[0xF0...0xF0], any, blank, any],
        [[0xF0...0xF0], any, any, blank],
    ]

    private static let withLosses: [[Place]] = [
        [[0xC2...0xDF], [0x1A...0x1A]],
        [[0xC2...0xC3], [0x3F...0x3F]],
        [[0xED...0xED], [0xA0...0xAF], lost, [0xED...0xED], [0xB0...0xBF], anyOrMark],
        [[0xED...0xED], [0xA0...0xAF], anyOrMark, [0xED...0xED], [0xB0...0xBF], lost],
        [[0xE0...0xEF], lost, anyOrLost],
        [[0xE0...0xEF], anyOrLost, lost],
        [[0xF0...0xF4], lost, anyOrLost, anyOrLost],
        [[0xF0...0xF4], anyOrLost, lost, anyOrLost],
        [[0xF0...0xF4], anyOrLost, anyOrLost, lost],
        [[0x1A...0x1A]],
    ]

    /// Makes blanks hard again where that completes a likely character.
    static func restoreHardBlanks(_ bytes: inout [UInt8]) {
        guard !replacing(withBlanks, in: bytes, by: { _ in [] }).isUnchanged else { return }
        bytes = separatingLoneA(bytes)
        bytes = replacing(withBlanks, in: bytes) { $0.map { $0 == 0x20 ? 0xA0 : $0 } }.bytes
    }

    /// Puts the replacement character where a part of a character is lost.
    static func replaceLossySequences(_ bytes: inout [UInt8]) {
        bytes = replacing(withLosses, in: bytes) { _ in [0xEF, 0xBF, 0xBD] }.bytes
    }

    /// Completes a lone à and keeps the blank after it, unless the blank was a part of a longer Portuguese word.
    private static func separatingLoneA(_ bytes: [UInt8]) -> [UInt8] {
        let continuations = [" ", "quele", "quela", "quilo", "s "].map { Array($0.utf8) }
        var result: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            result.append(byte)
            guard byte == 0xC3, bytes[(index + 1)...].first == 0x20 else { continue }
            let rest = bytes[(index + 2)...]
            if !continuations.contains(where: { rest.starts(with: $0) }) { result.append(0xA0) }
        }
        return result
    }

    private static func replacing(
        _ sequences: [[Place]], in bytes: [UInt8], by replacement: (ArraySlice<UInt8>) -> [UInt8]
    ) -> (bytes: [UInt8], isUnchanged: Bool) {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var (index, isUnchanged) = (0, true)
        while index < bytes.count {
            let rest = bytes[index...]
            let canStart = bytes[index] == 0x1A || bytes[index] >= 0xC2
            if canStart, let sequence = sequences.first(where: { matches($0, rest) }) {
                result += replacement(rest.prefix(sequence.count))
                index += sequence.count
                isUnchanged = false
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return (result, isUnchanged)
    }

    private static func matches(_ sequence: [Place], _ bytes: ArraySlice<UInt8>) -> Bool {
        guard bytes.count >= sequence.count else { return false }
        return zip(sequence, bytes).allSatisfy { place, byte in place.contains { $0.contains(byte) } }
    }
}
