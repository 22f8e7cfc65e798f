import Tensors
import TestKit
import Testing

/// Calls that do not fit their group of two, by what is wrong with them.
private let refused: [(name: String, call: @Sendable (ProcessGroup) throws -> Void)] = [
    ("a row too many to gather", { _ = try $0.allGather(.empty([3, 2]), rows: [2, 2]) }),
    ("too few counts to gather", { _ = try $0.allGather(.empty([3, 2]), rows: [3]) }),
    ("a negative count", { _ = try $0.allGather(.empty([3, 2]), rows: $0.rank == 0 ? [3, -1] : [-1, 3]) }),
    ("counts past every number", { _ = try $0.allGather(.empty([3]), rows: $0.rank == 0 ? [3, .max] : [.max, 3]) }),
    ("a row too few to scatter", { _ = try $0.reduceScatter(.empty([3, 2]), rows: [1, 1]) }),
    ("too many counts to scatter", { _ = try $0.reduceScatter(.empty([3, 2]), rows: [1, 1, 1]) }),
    ("a row too many to send", { _ = try $0.allToAll(.empty([3]), sending: [2, 2], receiving: [2, 2]) }),
    ("no counts to send", { _ = try $0.allToAll(.empty([3]), sending: [], receiving: [1, 2]) }),
    (
        "other rows to itself than from itself",
        { _ = try $0.allToAll(.empty([3]), sending: [2, 1], receiving: [1, 2]) }
    ),
    ("a root that is not there", { _ = try $0.broadcast(.empty([3]), from: 2) }),
    ("a negative root", { _ = try $0.broadcast(.empty([3]), from: -1) }),
    ("a target that is not there", { _ = try $0.exchange(.empty([3]), to: 2, from: 0, rows: 3) }),
    ("a source that is not there", { _ = try $0.exchange(.empty([3]), to: 0, from: .min, rows: 3) }),
    ("negative rows to receive", { _ = try $0.exchange(.empty([3]), to: 1 - $0.rank, from: 1 - $0.rank, rows: -1) }),
    ("a single number to send", { _ = try $0.exchange(.empty([]), to: 1 - $0.rank, from: 1 - $0.rank, rows: 0) }),
    ("a single number to gather", { _ = try $0.allGather(.empty([]), rows: [1, 1]) }),
    ("a sum of floats of 8 bits", { _ = try $0.allReduce(.empty([3], .float8E4M3)) }),
    ("a scattered sum of floats of 8 bits", { _ = try $0.reduceScatter(.empty([2], .float8E5M2), rows: [1, 1]) }),
]

@Suite(.serialized) struct ProcessGroupErrorTests {
    /// Nothing has been sent, so that the group works on, even if the other rank made no mistake.
    @Test(arguments: refused.map(\.name)) func refusesWhatDoesNotFit(_ name: String) async throws {
        let call = try #require(refused.first { $0.name == name }?.call)
        let found = try await inGroup(of: 2) { group in
            let error = try group.rank == 0 ? #require(throws: TensorError.self) { try call(group) } : nil
            let traffic = group.traffic
            return (error, traffic, try group.allReduce(.full(1, [2])).floats())
        }
        let error = try #require(found[0].0)
        #expect(error.kind == .other)
        #expect(!"\(error)".contains("\n"))
        #expect(found[0].1 == GroupTraffic())
        #expect(found.map(\.2) == [[2, 2], [2, 2]])
    }

    @Test(arguments: [(2, 2), (-1, 2), (0, 0), (0, -1), (Int.max, Int.max)]) func refusesRanks(_ rank: Int, _ size: Int)
    {
        let error = #expect(throws: TensorError.self) {
            _ = try ProcessGroup(
                .inProcess(), name: "", rank: rank, size: size, .gloo(interface: nil), timeout: .seconds(1))
        }
        #expect(error?.kind == .other)
    }

    @Test func losesAPeerThatEndsItsGroup() async throws {
        let store = RendezvousStore.inProcess()
        let errors = try await onRanks(3) { rank in
            let group = try ProcessGroup(
                store, name: "all", rank: rank, size: 3, .gloo(interface: nil), timeout: .seconds(300))
            guard rank > 0 else { return [TensorError]() }
            // The second call is not even tried.
            return try (1...2).map { _ in
                try #require(throws: TensorError.self) { _ = try group.allReduce(.full(1, [1000])) }
            }
        }.map { try $0.get() }
        for error in errors.flatMap(\.self) {
            #expect(error.kind == .peerLost)
            #expect("\(error.blame)" == "worker")
            #expect(error.operation == "all_reduce")
            #expect("\(error)".hasPrefix("another rank is gone or did not answer in time, in all_reduce: "))
            // It is noticed at once, by the connection.
            #expect(!error.message.contains("Timed out"))
            #expect(!error.message.contains("Exception raised from") && !error.message.contains("/gloo/"))
        }
        #expect(errors.map(\.count) == [0, 2, 2])
        #expect(errors[1][1].message == "the group has ended before")
    }

    @Test func losesAPeerThatNeverJoins() async throws {
        let error = try #require(throws: TensorError.self) {
            _ = try ProcessGroup(
                .inProcess(), name: "all", rank: 0, size: 2, .gloo(interface: nil), timeout: .seconds(1))
        }
        #expect(error.kind == .peerLost)
        #expect(error.operation == "group")
        #expect(!"\(error)".contains("\n"))
    }

    /// The rank that does not call is there until the other has given up.
    @Test func losesAPeerThatDoesNotCall() async throws {
        let store = RendezvousStore.inProcess()
        let errors = try await onRanks(2) { rank -> TensorError? in
            let group = try ProcessGroup(
                store, name: "all", rank: rank, size: 2, .gloo(interface: nil), timeout: .seconds(1))
            if rank == 1 {
                _ = try #require(try store.value(of: "done", within: .seconds(300)))
                return nil
            }
            let error = #expect(throws: TensorError.self) {
                _ = try group.startExchange(.full(1, [2]), to: 1, from: 1, rows: 2).value()
            }
            try store.set("done", [])
            return error
        }.map { try $0.get() }
        let error = try #require(errors[0])
        #expect(error.kind == .peerLost)
        #expect(error.operation == "exchange")
    }

    /// Those that are left go on under another name.
    @Test func goesOnWithoutALostPeer() async throws {
        let store = RendezvousStore.inProcess()
        let sums = try await onRanks(3) { rank in
            do {
                let group = try ProcessGroup(
                    store, name: "first", rank: rank, size: 3, .gloo(interface: nil), timeout: .seconds(300))
                if rank == 2 { return [Float]() }
                #expect(throws: TensorError.self) { _ = try group.allReduce(.full(1, [1000])) }
            }
            let group = try ProcessGroup(
                store, name: "second", rank: rank, size: 2, .gloo(interface: nil), timeout: .seconds(300))
            return try group.allReduce(.full(1, [1])).floats()
        }.map { try $0.get() }
        #expect(sums == [[2], [2], []])
    }

    @Test func endsFromAnotherThread() async throws {
        let store = RendezvousStore.inProcess()
        let found = try await onRanks(2) { rank in
            let group = try ProcessGroup(
                store, name: "all", rank: rank, size: 2, .gloo(interface: nil), timeout: .seconds(300))
            try group.barrier()
            return (group.aborter, try anotherThreadEnds(group, rank, store))
        }.map { try $0.get() }
        #expect(found.map(\.1.kind) == [.peerLost, .peerLost])
        // They outlive their groups.
        for (aborter, _) in found { aborter.abort() }
    }

    private func anotherThreadEnds(_ group: ProcessGroup, _ rank: Int, _ store: RendezvousStore) throws -> TensorError {
        let aborter = group.aborter
        Task.detached {
            aborter.abort()
            try store.set("ended \(rank)", [])
        }
        _ = try #require(try store.value(of: "ended \(rank)", within: .seconds(300)))
        return try #require(throws: TensorError.self) { try group.barrier() }
    }
}
