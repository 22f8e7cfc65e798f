/// A map from pairs of token numbers to the rank of their merge.
struct PairTable: Sendable {
    private var keys: [UInt64]
    private var ranks: [UInt32]
    private let seed = UInt64.random(in: .min ... .max) | 1
    /// No pair has this key: token numbers fit 31 bits.
    private static let free = UInt64.max

    init(capacity: Int) {
        var size = 16
        while size < 2 * capacity + 2 { size *= 2 }
        keys = Array(repeating: Self.free, count: size)
        ranks = Array(repeating: 0, count: size)
    }

    /// Sets the rank of a pair; there must be room, as `capacity` promised.
    mutating func insert(_ left: Int32, _ right: Int32, rank: UInt32) {
        let key = Self.key(left, right)
        var slot = slot(key)
        while keys[slot] != Self.free, keys[slot] != key { slot = (slot + 1) & (keys.count - 1) }
        keys[slot] = key
        ranks[slot] = rank
    }

    @inline(__always)
    func rank(_ left: Int32, _ right: Int32) -> UInt32? {
        let key = Self.key(left, right)
        var slot = slot(key)
        while keys[slot] != key {
            if keys[slot] == Self.free { return nil }
            slot = (slot + 1) & (keys.count - 1)
        }
        return ranks[slot]
    }

    @inline(__always)
    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    @inline(__always)
    private func slot(_ key: UInt64) -> Int {
        let hash = (key ^ seed) &* 0x9E37_79B9_7F4A_7C15
        return Int(truncatingIfNeeded: hash ^ hash >> 32) & (keys.count - 1)
    }
}
