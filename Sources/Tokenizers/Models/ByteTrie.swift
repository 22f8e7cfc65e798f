/// A trie over the bytes of a vocabulary, its edges in one hash table.
struct ByteTrie: Sendable {
    static let root: UInt32 = 0

    private var edges: [UInt64]
    private var edgeCount = 0
    /// By node, the entry that ends there; -1 if none does.
    private var values: [Int32] = [-1]
    private let seed = UInt64.random(in: .min ... .max) | 1

    /// - Parameter capacity: about how many bytes the keys have together
    init(capacity: Int) {
        var size = 256
        while size < capacity { size *= 2 }
        edges = Array(repeating: .max, count: size)
    }

    mutating func insert(_ key: some Sequence<UInt8>, value: Int32) {
        var node = Self.root
        for byte in key {
            if let next = child(node, byte) {
                node = next
                continue
            }
            if 2 * (edgeCount + 1) > edges.count { grow() }
            let next = UInt32(values.count)
            values.append(-1)
            insert(edge: UInt64(node) << 40 | UInt64(byte) << 32 | UInt64(next))
            edgeCount += 1
            node = next
        }
        values[Int(node)] = value
    }

    /// The node that a byte leads to; numbers of nodes fit 24 bits.
    @inline(__always)
    func child(_ node: UInt32, _ byte: UInt8) -> UInt32? {
        let key = UInt64(node) << 8 | UInt64(byte)
        var slot = slot(key)
        while edges[slot] != .max {
            if edges[slot] >> 32 == key { return UInt32(truncatingIfNeeded: edges[slot]) }
            slot = (slot + 1) & (edges.count - 1)
        }
        return nil
    }

    /// The entry whose key ends at a node, -1 if there is none.
    @inline(__always)
    func value(_ node: UInt32) -> Int32 { values[Int(node)] }

    /// Whether the trie can take a key of this many bytes without running out of node numbers.
    func hasRoom(for bytes: Int) -> Bool { values.count + bytes < 1 << 24 }

    private mutating func grow() {
        let old = edges
        edges = Array(repeating: .max, count: 2 * old.count)
        for edge in old where edge != .max { insert(edge: edge) }
    }

    private mutating func insert(edge: UInt64) {
        var slot = slot(edge >> 32)
        while edges[slot] != .max { slot = (slot + 1) & (edges.count - 1) }
        edges[slot] = edge
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        let hash = (key ^ seed) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & (edges.count - 1)
    }
}
