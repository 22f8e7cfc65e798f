/// A word on its way from single symbols to tokens: the best merge first, the leftmost among equals.
///
/// Symbols form a linked list and merges a heap, so a word of n symbols takes n log n steps.
// Source: huggingface/tokenizers, src/models/bpe/word.rs at 3ba8ad0, `Word::merge_all`.
struct MergeQueue {
    private struct Symbol {
        var id: Int32
        var previous: Int32
        var next: Int32
        var isAlive = true
    }

    private var symbols: [Symbol] = []
    /// A binary heap of `rank << 32 | position`, the smallest first.
    private var heap: [UInt64] = []

    mutating func append(_ id: Int32) {
        let position = Int32(symbols.count)
        if position > 0 { symbols[symbols.count - 1].next = position }
        symbols.append(Symbol(id: id, previous: position - 1, next: -1))
    }

    mutating func removeAll() {
        symbols.removeAll(keepingCapacity: true)
        heap.removeAll(keepingCapacity: true)
    }

    /// Merges as long as there is a merge, and appends the tokens that remain.
    ///
    /// - Parameters:
    ///   - ranks: which pairs merge
    ///   - results: by rank, what a pair becomes
    ///   - tokens: takes the tokens
    mutating func merge(_ ranks: PairTable, results: [Int32], into tokens: inout [Int32]) {
        for position in symbols.indices.dropLast() { push(position, ranks) }
        while let top = pop() {
            let position = Int(top & 0xFFFF_FFFF)
            let result = results[Int(top >> 32)]
            guard symbols[position].isAlive, symbols[position].next >= 0 else { continue }
            let next = Int(symbols[position].next)
            // An entry is out of date unless its place still merges to the same token.
            guard let rank = ranks.rank(symbols[position].id, symbols[next].id), results[Int(rank)] == result else {
                continue
            }
            symbols[position].id = result
            symbols[position].next = symbols[next].next
            symbols[next].isAlive = false
            if symbols[next].next >= 0 { symbols[Int(symbols[next].next)].previous = Int32(position) }
            if symbols[position].previous >= 0 { push(Int(symbols[position].previous), ranks) }
            push(position, ranks)
        }
        for symbol in symbols where symbol.isAlive { tokens.append(symbol.id) }
    }

    @inline(__always)
    private mutating func push(_ position: Int, _ ranks: PairTable) {
        let next = symbols[position].next
        guard next >= 0, let rank = ranks.rank(symbols[position].id, symbols[Int(next)].id) else { return }
        heap.append(UInt64(rank) << 32 | UInt64(position))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child] < heap[parent] else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() -> UInt64? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        guard !heap.isEmpty else { return top }
        heap[0] = last
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < heap.count else { break }
            if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
            guard heap[child] < heap[parent] else { break }
            heap.swapAt(child, parent)
            parent = child
        }
        return top
    }
}
