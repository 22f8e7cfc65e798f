import HTTPTypes
import Server
import TestKit
import Testing

@Suite struct FairQueueTests {
    private func entry(
        _ number: Int, _ owner: String, _ priority: Priority = .normal, cost: Double = 1, ago: Duration = .zero
    ) -> FairQueue.Entry {
        FairQueue.Entry(number: number, owner: owner, priority: priority, cost: cost, arrival: .now - ago)
    }

    private func served(_ queue: inout FairQueue) -> [Int] {
        var numbers: [Int] = []
        while let next = queue.next() { numbers.append(next.number) }
        return numbers
    }

    @Test func servesOneOwnerInTheOrderOfArrival() {
        var queue = FairQueue()
        for number in 0..<5 { queue.add(entry(number, "a")) }
        #expect(served(&queue) == [0, 1, 2, 3, 4])
    }

    @Test func takesTurnsBetweenOwners() {
        var queue = FairQueue()
        for number in 0..<4 { queue.add(entry(number, "a")) }
        for number in 4..<6 { queue.add(entry(number, "b")) }
        #expect(served(&queue) == [0, 4, 1, 5, 2, 3])
    }

    @Test func countsWhatRequestsCost() {
        var queue = FairQueue()
        for number in 0..<2 { queue.add(entry(number, "a", cost: 3)) }
        for number in 2..<6 { queue.add(entry(number, "b", cost: 1)) }
        #expect(served(&queue) == [0, 2, 3, 4, 1, 5])
    }

    /// Before all others, and at no further cost to its owner.
    @Test func whatWasServedInVainIsTheNext() {
        var queue = FairQueue()
        for (number, owner) in [(0, "a"), (1, "b"), (2, "a"), (3, "b")] { queue.add(entry(number, owner)) }
        queue.add(entry(4, "c", .high, ago: .seconds(600)))
        let taken = (0..<2).compactMap { _ in queue.next() }
        #expect(taken.map(\.number) == [4, 0])
        for entry in taken.reversed() { queue.putBack(entry) }
        queue.add(entry(5, "d", .high))
        #expect(queue.forecast() == [4, 0, 5, 1, 2, 3])
        #expect(served(&queue) == [4, 0, 5, 1, 2, 3])
    }

    @Test func foretellsTheOrderInWhichItServes() {
        var random = SplitMix(state: 3)
        var queue = FairQueue()
        for number in 0..<400 {
            let owner = ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &random)]
            let priority = Priority.allCases[Int.random(in: 0..<3, using: &random)]
            queue.add(
                entry(
                    number, owner, priority, cost: Double.random(in: 1...5, using: &random),
                    ago: .seconds(Int.random(in: 0...200, using: &random))))
            if number % 3 == 0 { _ = queue.next() }
            if number % 20 == 0 {
                var copy = queue
                #expect(queue.forecast() == served(&copy))
            }
        }
    }

    @Test func letsNobodySaveUpTurns() {
        var queue = FairQueue()
        for number in 0..<4 { queue.add(entry(number, "a")) }
        _ = (queue.next(), queue.next(), queue.next())
        for number in 4..<8 { queue.add(entry(number, "b")) }
        // The newcomer does not catch up on three turns.
        #expect(served(&queue).prefix(3).contains(3))
    }

    @Test func servesTheUrgentFirstButLetsNobodyWaitForEver() {
        var queue = FairQueue()
        queue.add(entry(0, "a", .low))
        queue.add(entry(1, "a", .normal))
        queue.add(entry(2, "a", .high))
        queue.add(entry(3, "a", .low, ago: .seconds(200)))
        #expect(served(&queue) == [3, 2, 1, 0])
    }

    @Test func takesCompanionsOutOfTurnOnTheirOwnAccount() {
        var queue = FairQueue()
        for number in 0..<3 { queue.add(entry(number, "a")) }
        queue.add(entry(3, "b"))
        #expect(queue.next()?.number == 0)
        #expect(queue.candidate { $0.number == 2 }?.number == 2)
        #expect(queue.candidate { $0.number == 7 } == nil)
        queue.take(2)
        queue.take(7)
        #expect(served(&queue) == [3, 1])
    }

    @Test func chargesNobodyForACandidateThatStays() {
        var queue = FairQueue()
        queue.add(entry(0, "a"))
        queue.add(entry(1, "b"))
        queue.add(entry(2, "b"))
        queue.add(entry(3, "c"))
        _ = queue.next()
        var other = queue
        for _ in 0..<5 { #expect(queue.candidate { $0.owner == "b" }?.number == 1) }
        #expect(queue.entries == other.entries)
        #expect(queue.forecast() == [1, 3, 2])
        #expect(served(&queue) == served(&other))
    }
}
