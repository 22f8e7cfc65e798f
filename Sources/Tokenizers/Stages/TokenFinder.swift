/// Finds the leftmost of several texts, the longest of those that begin there.
struct TokenFinder: Sendable {
    private var trie = ByteTrie(capacity: 256)
    private var firstBytes = Array(repeating: false, count: 256)
    private(set) var isEmpty = true

    /// - Returns: false if the text is empty, here already, or too long
    mutating func insert(_ text: [UInt8], id: Int32) -> Bool {
        guard let first = text.first, value(text) == nil, trie.hasRoom(for: text.count) else { return false }
        trie.insert(text, value: id)
        firstBytes[Int(first)] = true
        isEmpty = false
        return true
    }

    private func value(_ text: [UInt8]) -> Int32? {
        var node = ByteTrie.root
        for byte in text {
            guard let next = trie.child(node, byte) else { return nil }
            node = next
        }
        return trie.value(node) >= 0 ? trie.value(node) : nil
    }

    func forEachMatch(in text: UTF8Text, _ body: (Range<Int>, Int32) -> Void) {
        var start = text.startIndex
        while start < text.endIndex {
            guard firstBytes[Int(text[start])] else {
                start += 1
                continue
            }
            var node = ByteTrie.root
            var index = start
            var longest: (end: Int, id: Int32)?
            while index < text.endIndex, let next = trie.child(node, text[index]) {
                node = next
                index += 1
                if trie.value(node) >= 0 { longest = (index, trie.value(node)) }
            }
            if let longest {
                body(start..<longest.end, longest.id)
                start = longest.end
            } else {
                start += 1
            }
        }
    }
}
