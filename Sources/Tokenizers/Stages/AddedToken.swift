internal import Files

/// A token that is looked for in the text itself, before any model sees it.
struct AddedToken: Sendable, Equatable {
    let exactContent: ExactText
    /// Whether it counts only where no letter or digit touches it.
    var isSingleWord = false
    /// Whether it takes the blanks on its left with it.
    var stripsLeft = false
    /// Whether it takes the blanks on its right with it.
    var stripsRight = false
    /// Whether it is looked for in the normalized text, itself normalized.
    var isNormalized: Bool
    var isSpecial: Bool

    var content: String { exactContent.text }

    init(
        content: String, isSingleWord: Bool = false, stripsLeft: Bool = false, stripsRight: Bool = false,
        isNormalized: Bool, isSpecial: Bool
    ) {
        exactContent = ExactText(content)
        (self.isSingleWord, self.stripsLeft, self.stripsRight) = (isSingleWord, stripsLeft, stripsRight)
        (self.isNormalized, self.isSpecial) = (isNormalized, isSpecial)
    }
}

extension AddedToken {
    /// A special token known by its text only.
    init(special content: String) {
        self.init(content: content, isNormalized: false, isSpecial: true)
    }

    /// Reads a token of `added_tokens`, `added_tokens_decoder` or `special_tokens_map.json`.
    init(_ fields: Fields, special: Bool? = nil) throws {
        try fields.allow("id", "content", "single_word", "lstrip", "rstrip", "normalized", "special", "__type")
        let isSpecial = try special ?? fields.bool("special", default: false)
        self.init(
            content: try fields.string("content"),
            isSingleWord: try fields.bool("single_word", default: false),
            stripsLeft: try fields.bool("lstrip", default: false),
            stripsRight: try fields.bool("rstrip", default: false),
            isNormalized: try fields.bool("normalized", default: !isSpecial),
            isSpecial: isSpecial)
    }
}
