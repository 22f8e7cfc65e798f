/// Tokens of single bytes, for scalars that have no token.
enum ByteFallback {
    /// - Returns: for each byte the number of its token `<0x0A>`, nil where the vocabulary has none
    static func tokens(_ vocabulary: Vocabulary) -> [Int32?] {
        (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return vocabulary.id(of: "<0x\(byte < 16 ? "0" : "")\(digits)>".utf8)
        }
    }

    /// - Returns: the tokens of the bytes, nil unless every byte has one
    static func encode(_ text: UTF8Text, _ tokens: [Int32?]) -> [Int32]? {
        let ids = text.compactMap { tokens[Int($0)] }
        return ids.count == text.count ? ids : nil
    }
}
