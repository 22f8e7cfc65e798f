import Foundation
import Tensors
import Testing

/// The memory of large tensors, kept from one to the next.
struct HostMemoryTests {
    private static func fill(_ value: Double) throws -> Tensor {
        try Tensor.full(value, [24 << 20])
    }

    /// Pages that the process has been given so far.
    private static var faults: Int {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_minflt
    }

    /// Without reuse each round would fault in 96 MiB anew. Half is allowed for tests that run at the same time.
    @Test func doesNotFaultInMemoryThatWasJustFreed() throws {
        try HostMemory.reusing {
            _ = try Self.fill(0)
            let before = Self.faults
            for round in 0..<20 { _ = try Self.fill(Double(round)) }
            #expect(Self.faults - before < 20 * (96 << 20) / 4096 / 2)
        }
    }

    @Test func neverGivesTheSameMemoryTwice() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    for round in 0..<20 {
                        try HostMemory.reusing {
                            let (a, b) = (Double(task * 100 + round), Double(task * 100 + round) + 0.5)
                            let first = try Tensor.full(a, [300_000 + task * 7000])
                            let second = try Tensor.full(b, [300_000 + round * 7000])
                            #expect(try first.floats().allSatisfy { $0 == Float(a) })
                            #expect(try second.floats().allSatisfy { $0 == Float(b) })
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func tellsWhenThereIsNoRoom() {
        #expect {
            _ = try Tensor.empty([1 << 46])
        } throws: { error in
            (error as? TensorError)?.kind == .outOfMemory
        }
    }
}
