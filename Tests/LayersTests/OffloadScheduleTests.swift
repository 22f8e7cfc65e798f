import Layers
import Testing

@Suite struct OffloadScheduleTests {
    /// What a device has while blocks are used.
    private struct Device {
        var schedule: OffloadSchedule
        /// Which block each room has.
        var rooms: [Int: Int] = [:]

        init(_ sizes: [Int], staying: [Bool]? = nil, leaving excess: Int) {
            schedule = OffloadSchedule(sizes, staying: staying ?? sizes.map { _ in true }, leaving: excess)
        }

        /// Uses a block, which must be there then; returns what was fetched.
        mutating func use(_ block: Int) -> [Int] {
            let before = rooms.first { $0.value == block }?.key
            let fetches = schedule.use(block)
            for fetch in fetches {
                // What is used or waits to be used is not overwritten.
                #expect(fetch.block == block || fetch.room != before)
                rooms[fetch.room] = fetch.block
            }
            #expect(rooms.values.contains(block))
            return fetches.map(\.block)
        }
    }

    @Test func fetchesEverythingOnceWhereThereIsRoom() {
        var device = Device([3, 1, 2], leaving: 0)
        #expect(device.schedule.rooms == [3, 1, 2])
        #expect(device.use(0) == [0, 1, 2])
        for block in [1, 2, 0, 1, 2] { #expect(device.use(block) == []) }
    }

    @Test func fetchesTheNextBlockWhileOneIsComputed() {
        var device = Device([5, 5, 5, 5], leaving: 20)
        #expect(device.schedule.rooms == [5, 5])
        #expect(device.use(0) == [0, 1])
        #expect([1, 2, 3, 0, 1].map { device.use($0) } == [[2], [3], [0], [1], [2]])
    }

    @Test func leavesAsMuchAsThereIsNoRoomFor() {
        let sizes = [8, 8, 8] + Array(repeating: 4, count: 9)
        for excess in 1...44 {
            let rooms = OffloadSchedule(sizes, staying: sizes.map { _ in true }, leaving: excess).rooms
            #expect(rooms.reduce(0, +) <= 60 - excess)
        }
    }

    /// Blocks with rooms of their own stand between those that take turns.
    @Test func spreadsBlocksThatStay() {
        var device = Device(Array(repeating: 1, count: 12), leaving: 4)
        for block in 0..<12 { _ = device.use(block) }
        let fetched = (0..<12).map { device.use($0).count }
        #expect(device.schedule.rooms.count == 8)
        #expect(fetched.reduce(0, +) == 6)
        #expect(fetched.allSatisfy { $0 <= 1 })
    }

    @Test(arguments: 0...30) func hasEveryBlockThereInTime(_ excess: Int) {
        let sizes = [4, 2, 2, 4, 1, 1, 1, 3]
        var device = Device(sizes, leaving: excess)
        for _ in 0..<3 { for block in sizes.indices { _ = device.use(block) } }
        // As a step cache asks for the first one alone, or goes back.
        for block in [0, 0, 1, 7, 0, 3, 5, 5, 2, 0] { _ = device.use(block) }
    }

    /// The blocks that read a prompt run once; those behind them run in every step, and the first of these follows the last.
    @Test func learnsWhatFollows() {
        var device = Device(
            Array(repeating: 1, count: 8), staying: (0..<8).map { $0 > 2 }, leaving: 4)
        for block in 0..<8 { _ = device.use(block) }
        _ = (3..<8).map { device.use($0) }
        let fetched = (3..<8).flatMap { device.use($0) }
        #expect(!fetched.isEmpty && fetched.allSatisfy { $0 > 2 })
    }
}
