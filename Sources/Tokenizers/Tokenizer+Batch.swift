extension Tokenizer {
    /// One text's tokens as a text encoder takes them.
    package struct Encoding: Sendable, Equatable {
        /// The tokens' numbers, special tokens and padding included.
        package let ids: [Int32]
        /// For each token 1, for padding 0.
        package let attentionMask: [Int32]
        /// How many tokens there were before any was cut off or padding added, special tokens included.
        package let untruncatedCount: Int
    }

    /// Up to which length sequences are filled with the padding token.
    package enum Padding: Sendable {
        case none
        /// That of the longest sequence of the batch.
        case longest
        case maxLength
    }

    /// What becomes of sequences that are too long.
    package enum Truncation: Sendable {
        case none
        /// The text loses tokens, on ``truncationSide``; the special tokens stay.
        case maxLength
    }

    /// The tokens of several texts.
    ///
    /// - Parameters:
    ///   - texts: any texts
    ///   - maxLength: the length to pad and cut to, in tokens; without one ``modelMaxLength`` counts, and without that
    ///     neither happens
    ///   - padding: whether short sequences are filled up
    ///   - side: where; nil for ``paddingSide``
    ///   - truncation: whether long sequences are cut
    ///   - addSpecialTokens: whether the tokens that begin and end a sequence are added
    /// - Returns: one encoding for each text
    /// - Throws: ``TokenizerError``
    package func encode(
        _ texts: [String], maxLength: Int? = nil, padding: Padding = .none, on side: Side? = nil,
        truncation: Truncation = .none, addSpecialTokens: Bool = true
    ) throws -> [Encoding] {
        let maxLength = maxLength ?? modelMaxLength
        let specials = addSpecialTokens ? pipeline.postProcessor?.specialTokenCount ?? 0 : 0
        let sequences = try texts.map { text in
            let ids = try pipeline.encode(text)
            guard truncation == .maxLength, let maxLength else {
                return (ids: finish(ids, addSpecialTokens), count: ids.count)
            }
            guard maxLength >= specials else {
                throw TokenizerError.lengthTooShort(length: maxLength, specialTokens: specials)
            }
            let kept = truncationSide == .right ? ids.prefix(maxLength - specials) : ids.suffix(maxLength - specials)
            return (ids: finish(Array(kept), addSpecialTokens), count: ids.count)
        }
        let length: Int? =
            switch padding {
            case .none: nil
            case .longest: sequences.map(\.ids.count).max()
            case .maxLength: maxLength
            }
        let isBehind = (side ?? paddingSide) == .right
        return try sequences.map { sequence in
            let fill = try length.map { try filler($0 - sequence.ids.count) } ?? []
            let ones = Array(repeating: Int32(1), count: sequence.ids.count)
            let zeros = Array(repeating: Int32(0), count: fill.count)
            return Encoding(
                ids: isBehind ? sequence.ids + fill : fill + sequence.ids,
                attentionMask: isBehind ? ones + zeros : zeros + ones,
                untruncatedCount: sequence.count + specials)
        }
    }

    private func filler(_ count: Int) throws -> [Int32] {
        guard let id = id(of: .padding) else { throw TokenizerError.noPaddingToken }
        return Array(repeating: id, count: max(0, count))
    }
}
