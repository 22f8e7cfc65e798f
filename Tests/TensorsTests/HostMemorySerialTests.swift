import Tensors
import Testing

/// What the CPU's tensors take, counted.
@Suite(.serialized) struct HostMemorySerialTests {
    private static let megabyte = 1 << 20

    private func tensor(megabytes: Int) throws -> Tensor { try Tensor.full(1, [megabytes * Self.megabyte / 4]) }

    /// Freed memory is in use no more, though it is kept for the next tensors while someone asks for that.
    @Test func countsWhatTensorsTake() throws {
        try HostMemory.resetPeak()
        let before = try HostMemory.peak()
        try HostMemory.reusing {
            for _ in 0..<3 { _ = try tensor(megabytes: 40) }
            let both = try (tensor(megabytes: 40), tensor(megabytes: 24))
            withExtendedLifetime(both) {}
        }
        let after = try HostMemory.peak()
        let expected = 64 * Self.megabyte..<65 * Self.megabyte
        #expect(expected.contains(after.allocated - before.allocated))
        #expect(expected.contains(after.reserved - before.reserved))
        try HostMemory.resetPeak()
        let left = try HostMemory.peak()
        #expect(left.allocated - before.allocated < Self.megabyte && left.reserved - before.reserved < Self.megabyte)
    }

    /// They are malloc's, which rounds up.
    @Test func countsSmallTensorsToo() throws {
        try HostMemory.resetPeak()
        let before = try HostMemory.peak()
        let small = try (0..<100).map { _ in try Tensor.full(1, [1000]) }
        let taken = try HostMemory.peak().allocated - before.allocated
        #expect((400_000..<440_000).contains(taken))
        #expect(small.count == 100)
    }
}
