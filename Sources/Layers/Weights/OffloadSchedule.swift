/// Which blocks stay on a device, and which take turns there.
///
/// While a block is computed, those that were used after it last time are fetched, as far as there is room.
package struct OffloadSchedule {
    /// A block and the room that it is to be copied to.
    package struct Fetch: Equatable {
        package let block, room: Int
    }

    /// Bytes of every room on the device.
    package let rooms: [Int]
    /// Which room is a block's own; nil for one that takes turns.
    private let ownRoom: [Int?]
    /// The rooms in which blocks take turns.
    private let shared: Range<Int>
    /// Where each block is.
    private var place: [Int?]
    /// Which block each room has.
    private var occupant: [Int?]
    /// What was used after each block last time.
    private var next: [Int]
    private var last: Int?

    /// Rooms for blocks that take turns: one is computed while another is fetched.
    private static var turns: Int { 2 }

    /// - Parameters:
    ///   - sizes: bytes of each block, in the order they are used
    ///   - staying: which blocks are worth a room of their own
    ///   - excess: bytes that there is no room for, if possible
    package init(_ sizes: [Int], staying: [Bool], leaving excess: Int) {
        let own = Self.own(sizes, staying, leaving: excess)
        var (rooms, ownRoom): ([Int], [Int?]) = ([], [])
        for (size, isOwn) in zip(sizes, own) {
            ownRoom.append(isOwn ? rooms.count : nil)
            if isOwn { rooms.append(size) }
        }
        let guests = zip(sizes, own).filter { !$0.1 }.map(\.0)
        shared = rooms.count..<rooms.count + min(guests.count, Self.turns)
        rooms += shared.map { _ in guests.max() ?? 0 }
        (self.rooms, self.ownRoom) = (rooms, ownRoom)
        place = sizes.map { _ in nil }
        occupant = rooms.map { _ in nil }
        next = sizes.indices.map { ($0 + 1) % sizes.count }
    }

    /// Which blocks have rooms of their own: spread evenly, so that the others have time to be fetched in between.
    private static func own(_ sizes: [Int], _ staying: [Bool], leaving excess: Int) -> [Bool] {
        if excess <= 0 { return sizes.map { _ in true } }
        let (all, most) = (sizes.reduce(0, +), sizes.max() ?? 0)
        let worth = zip(sizes, staying).filter(\.1).map(\.0).reduce(0, +)
        let share = worth > 0 ? min(1, Double(max(0, all - excess - turns * most)) / Double(worth)) : 0
        var credit = 0.0
        return zip(sizes, staying).map { size, stays in
            guard stays else { return false }
            credit += Double(size) * share
            guard credit >= Double(size) else { return false }
            credit -= Double(size)
            return true
        }
    }

    /// Notes that a block is used next.
    ///
    /// - Parameter block: by number
    /// - Returns: what is to be fetched, the block itself first if it is not there
    package mutating func use(_ block: Int) -> [Fetch] {
        if let last, last != block { next[last] = block }
        last = block
        var fetches: [Fetch] = []
        var (upcoming, kept): (Int, Set<Int>) = (block, [])
        while !kept.contains(upcoming) {
            if place[upcoming] == nil {
                guard let room = ownRoom[upcoming] ?? shared.first(where: { isFree($0, besides: kept) }) else { break }
                if let before = occupant[room] { place[before] = nil }
                (place[upcoming], occupant[room]) = (room, upcoming)
                fetches.append(Fetch(block: upcoming, room: room))
            }
            kept.insert(upcoming)
            upcoming = next[upcoming]
        }
        return fetches
    }

    private func isFree(_ room: Int, besides kept: Set<Int>) -> Bool {
        occupant[room].map { !kept.contains($0) } ?? true
    }
}
