/// Cuts a text into grapheme clusters.
enum Graphemes {
    /// Calls the closure with the range of every cluster.
    ///
    /// Between two ASCII characters there always is a border, but for a line break of two; the standard library finds
    /// the borders in the stretches between.
    static func forEach(in text: [UInt8], _ body: (Range<Int>) throws -> Void) rethrows {
        var index = 0
        while index < text.count {
            var end = index + 1
            while !isBorder(end, in: text) { end += 1 }
            if end == index + 1 || end == index + 2 && text[index] == 0x0D && text[index + 1] == 0x0A {
                try body(index..<end)
            } else {
                var start = index
                for cluster in text[index..<end].text {
                    let next = start + cluster.utf8.count
                    try body(start..<next)
                    start = next
                }
            }
            index = end
        }
    }

    @inline(__always)
    private static func isBorder(_ index: Int, in text: [UInt8]) -> Bool {
        guard index < text.count else { return true }
        return text[index - 1] < 0x80 && text[index] < 0x80 && !(text[index - 1] == 0x0D && text[index] == 0x0A)
    }
}
