internal import Foundation

/// Decompositions, compositions and combining classes as one version of Unicode has them.
///
/// Foundation decomposes single scalars correctly; everything else follows from that.
struct UnicodeTables: Sendable {
    /// What the tokenizers' reference knows.
    static let unicode9 = UnicodeTables(latest: (9, 0))
    /// What Python 3.11 knows.
    static let unicode14 = UnicodeTables(latest: (14, 0))

    /// Where all canonical decompositions lie, but for those of Hangul syllables.
    private static let decomposable: [ClosedRange<UInt32>] = [
        0xC0...0x10FF, 0x1B00...0x1B7F, 0x1E00...0x22FF, 0x2320...0x232F, 0x2AD0...0x2ADF, 0x3040...0x30FF,
        0xF900...0xFB4F, 0x11080...0x1195F, 0x1D150...0x1D1CF, 0x2F800...0x2FA1F,
    ]

    private let latest: Unicode.Version
    private var decompositions: [UInt32: [UInt32]] = [:]
    private var compositions: [UInt64: UInt32] = [:]
    /// By scalar below 0x3100, the combining class.
    private var classes: [UInt8] = []

    private init(latest: Unicode.Version) {
        self.latest = latest
        classes = (0..<0x3100).map(lookUpClass)
        var composites: [(scalar: UInt32, parts: [UInt32])] = []
        for value in Self.decomposable.joined() where isKnown(value) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let string = String(scalar)
            let parts = string.decomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
            guard parts != [value] else { continue }
            decompositions[value] = parts
            if parts.count > 1, !scalar.properties.isFullCompositionExclusion { composites.append((value, parts)) }
        }
        for composite in composites.sorted(by: { $0.parts.count < $1.parts.count }) {
            let first = composite.parts.dropLast().dropFirst().reduce(composite.parts[0]) { first, next in
                compositions[UInt64(first) << 32 | UInt64(next)] ?? first
            }
            guard let last = composite.parts.last else { continue }
            compositions[UInt64(first) << 32 | UInt64(last)] = composite.scalar
        }
    }

    private func isKnown(_ value: UInt32) -> Bool {
        guard let age = Unicode.Scalar(value)?.properties.age else { return false }
        return age <= latest
    }

    private func lookUpClass(_ value: UInt32) -> UInt8 {
        guard let properties = Unicode.Scalar(value)?.properties else { return 0 }
        let order = properties.canonicalCombiningClass.rawValue
        return order != 0 && isKnown(value) ? order : 0
    }

    @inline(__always)
    func combiningClass(_ scalar: UInt32) -> UInt8 {
        if scalar < 0x300 { return 0 }
        if scalar < 0x3100 { return classes[Int(scalar)] }
        if scalar >= 0x3400 && scalar < 0xA600 || scalar >= 0xAC00 && scalar < 0xE000 { return 0 }
        return lookUpClass(scalar)
    }

    func appendDecomposition(of scalar: UInt32, compatible: Bool, to result: inout [UInt32]) {
        if scalar >= 0xAC00, scalar <= 0xD7A3 {
            let index = scalar - 0xAC00
            result.append(0x1100 + index / 588)
            result.append(0x1161 + index % 588 / 28)
            if index % 28 != 0 { result.append(0x11A7 + index % 28) }
        } else if scalar >= 0x3400 && scalar <= 0x9FFF {
            result.append(scalar)
        } else if compatible, isKnown(scalar), let scalar = Unicode.Scalar(scalar) {
            result += String(scalar).decomposedStringWithCompatibilityMapping.unicodeScalars.map(\.value)
        } else if !compatible, let parts = decompositions[scalar] {
            result += parts
        } else {
            result.append(scalar)
        }
    }

    func composition(of first: UInt32, _ second: UInt32) -> UInt32? {
        if first >= 0x1100, first <= 0x1112, second >= 0x1161, second <= 0x1175 {
            return 0xAC00 + (first - 0x1100) * 588 + (second - 0x1161) * 28
        }
        if first >= 0xAC00, first <= 0xD7A3, (first - 0xAC00) % 28 == 0, second > 0x11A7, second <= 0x11C2 {
            return first + second - 0x11A7
        }
        if second < 0x300 { return nil }
        return compositions[UInt64(first) << 32 | UInt64(second)]
    }
}
