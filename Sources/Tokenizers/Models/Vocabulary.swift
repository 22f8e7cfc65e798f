/// The tokens of a model and their numbers, found by their UTF-8.
struct Vocabulary: Sendable {
    /// The tokens' bytes one after another; entry `i` ends at `ends[i]`.
    private var bytes: [UInt8] = []
    private var ends: [UInt32] = []
    private var ids: [Int32] = []
    /// An open-addressing table of entry numbers plus one; zero is free, and the size a power of two.
    private var table: [UInt32]
    /// Keeps a file from being made so that all its tokens collide.
    private let seed = UInt64.random(in: .min ... .max) | 1

    /// - Parameter capacity: about how many tokens will come
    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity { size *= 2 }
        table = Array(repeating: 0, count: size)
        ends.reserveCapacity(capacity)
        ids.reserveCapacity(capacity)
    }

    /// How many different tokens there are.
    var count: Int { ends.count }

    /// Adds a token, or gives a token that is there already a new number.
    mutating func insert(_ token: some Collection<UInt8>, id: Int32) {
        if token.withContiguousStorageIfAvailable({ insert(contiguous: $0, id: id) }) == nil {
            Array(token).withUnsafeBufferPointer { insert(contiguous: $0, id: id) }
        }
    }

    func id(of token: some Collection<UInt8>) -> Int32? {
        let found =
            token.withContiguousStorageIfAvailable { entry($0).entry }
            ?? Array(token).withUnsafeBufferPointer { entry($0).entry }
        return found.map { ids[$0] }
    }

    /// The token with this number; if several share it, the last.
    func token(id: Int32) -> String? {
        let index = Int(id)
        if index >= 0, index < ids.count, ids[index] == id { return self[index].text }
        return ids.lastIndex(of: id).map { self[$0].text }
    }

    private subscript(entry: Int) -> UTF8Text { bytes[(entry == 0 ? 0 : Int(ends[entry - 1]))..<Int(ends[entry])] }

    private mutating func insert(contiguous token: UnsafeBufferPointer<UInt8>, id: Int32) {
        let (slot, entry) = entry(token)
        if let entry {
            ids[entry] = id
            return
        }
        bytes.append(contentsOf: token)
        ends.append(UInt32(bytes.count))
        ids.append(id)
        table[slot] = UInt32(ends.count)
        if 2 * ends.count > table.count { grow() }
    }

    private mutating func grow() {
        table = Array(repeating: 0, count: 2 * table.count)
        for entry in ends.indices {
            var slot = self[entry].withUnsafeBufferPointer { hash($0) } & (table.count - 1)
            while table[slot] != 0 { slot = (slot + 1) & (table.count - 1) }
            table[slot] = UInt32(entry + 1)
        }
    }

    /// The token's entry, or the slot where it belongs.
    private func entry(_ token: UnsafeBufferPointer<UInt8>) -> (slot: Int, entry: Int?) {
        var slot = hash(token) & (table.count - 1)
        while table[slot] != 0 {
            let entry = Int(table[slot]) - 1
            let start = entry == 0 ? 0 : Int(ends[entry - 1])
            if Int(ends[entry]) - start == token.count, matches(token, at: start) { return (slot, entry) }
            slot = (slot + 1) & (table.count - 1)
        }
        return (slot, nil)
    }

    @inline(__always)
    private func matches(_ token: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        for index in 0..<token.count where bytes[start + index] != token[index] { return false }
        return true
    }

    @inline(__always)
    private func hash(_ token: UnsafeBufferPointer<UInt8>) -> Int {
        var hash = seed
        for byte in token { hash = (hash ^ UInt64(byte)) &* 0x9E37_79B9_7F4A_7C15 ^ hash >> 29 }
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & Int.max
    }
}
