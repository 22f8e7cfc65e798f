/// A set of scalars as a regular expression writes one: `[^\s\p{L}\p{N}]`.
struct ScalarSet: Sendable {
    /// One member of the brackets.
    enum Term: Sendable {
        case range(ClosedRange<UInt32>)
        /// Scalars of these categories, or all others.
        case categories(UInt32, negated: Bool)
        case whitespace(negated: Bool)
        case word(negated: Bool)
        /// A set within the brackets.
        case nested(ScalarSet)
    }

    private let terms: [Term]
    private let isNegated: Bool
    /// The members below 128, one bit each.
    private let ascii: (UInt64, UInt64)

    init(_ terms: [Term], negated: Bool = false) {
        self.terms = terms
        isNegated = negated
        var low: UInt64 = 0
        var high: UInt64 = 0
        for scalar in 0..<UInt32(128) where terms.contains(where: { $0.contains(scalar) }) != negated {
            if scalar < 64 { low |= 1 << UInt64(scalar) } else { high |= 1 << UInt64(scalar - 64) }
        }
        ascii = (low, high)
    }

    /// A scalar, or with `ignoringCase` all that differ from it in case only.
    static func literal(_ scalar: UInt32, ignoringCase: Bool) -> ScalarSet {
        guard ignoringCase, let properties = Unicode.Scalar(scalar)?.properties else {
            return ScalarSet([.range(scalar...scalar)])
        }
        var terms: [Term] = [.range(scalar...scalar)]
        for mapping in [properties.lowercaseMapping, properties.uppercaseMapping] {
            guard let other = mapping.unicodeScalars.first, mapping.unicodeScalars.count == 1 else { continue }
            terms.append(.range(other.value...other.value))
        }
        // The two scalars outside ASCII that fold to an ASCII letter: long s and the Kelvin sign.
        if scalar | 0x20 == 0x73 { terms.append(.range(0x17F...0x17F)) }
        if scalar | 0x20 == 0x6B { terms.append(.range(0x212A...0x212A)) }
        return ScalarSet(terms)
    }

    @inline(__always)
    func contains(_ scalar: UInt32) -> Bool {
        if scalar < 64 { return ascii.0 >> UInt64(scalar) & 1 != 0 }
        if scalar < 128 { return ascii.1 >> UInt64(scalar - 64) & 1 != 0 }
        return containsBeyondASCII(scalar)
    }

    private func containsBeyondASCII(_ scalar: UInt32) -> Bool {
        for term in terms where term.contains(scalar) { return !isNegated }
        return isNegated
    }
}

extension ScalarSet.Term {
    func contains(_ scalar: UInt32) -> Bool {
        switch self {
        case .range(let range): range.contains(scalar)
        case .categories(let mask, let negated): (ScalarProperties(scalar).categoryMask & mask != 0) != negated
        case .whitespace(let negated): ScalarProperties(scalar).isWhitespace != negated
        case .word(let negated): ScalarProperties(scalar).isOnigurumaWord(scalar) != negated
        case .nested(let set): set.contains(scalar)
        }
    }
}
