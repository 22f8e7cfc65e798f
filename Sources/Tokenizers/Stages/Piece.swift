/// A part of a text on its way to the model.
struct Piece {
    /// The part's text, or of an added token the text it was found as.
    var text: UTF8Text
    /// The added token found here, which no later stage touches.
    var token: Int32?
    /// Whether the part is where the original text begins.
    var beginsText: Bool

    /// The parts at these ranges of the text; empty ones are dropped.
    func split(_ ranges: [Range<Int>]) -> [Piece] {
        ranges.compactMap { range in
            range.isEmpty
                ? nil
                : Piece(text: text[range], token: nil, beginsText: beginsText && range.lowerBound == text.startIndex)
        }
    }
}
