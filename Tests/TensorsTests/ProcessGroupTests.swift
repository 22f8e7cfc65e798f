import Tensors
import TestKit
import Testing

/// Small whole numbers, exact in every type even when four of them are summed, and different on each rank.
private func values(_ shape: [Int], rank: Int) -> [Float] {
    (0..<shape.reduce(1, *)).map { Float(($0 * 3 + rank) % 4) }
}

private func tensor(_ shape: [Int], _ dtype: DType, rank: Int) throws -> Tensor {
    try Tensor(values(shape, rank: rank), shape: shape).to(dtype)
}

/// What a type makes of numbers: flags are zero or one.
private func stored(_ values: [Float], _ dtype: DType) -> [Float] {
    dtype == .bool ? values.map { $0 == 0 ? 0 : 1 } : values
}

/// A result in plain numbers.
private struct Found: Sendable, Equatable {
    let shape: [Int]
    let dtype: DType
    let values: [Float]

    init(_ x: Tensor) throws { (shape, dtype, values) = (x.shape, x.dtype, try x.floats()) }
    init(_ shape: [Int], _ dtype: DType, _ values: [Float]) {
        (self.shape, self.dtype, self.values) = (shape, dtype, stored(values, dtype))
    }
}

/// How many ranks exchange numbers of which type.
private struct Case: CustomTestStringConvertible, Sendable {
    let size: Int
    let dtype: DType
    var testDescription: String { "\(size) ranks, \(dtype)" }

    static let all = [2, 3, 4].flatMap { size in DType.allCases.map { Case(size: size, dtype: $0) } }
    static let sums = all.filter { $0.dtype != .float8E4M3 && $0.dtype != .float8E5M2 }

    /// Counts of rows, among them none.
    var rows: [Int] { Array([2, 0, 3, 1].prefix(size)) }
    /// How many rows one rank sends another.
    func rows(from: Int, to: Int) -> Int { (from + 2 * to) % 3 }
    func sending(_ rank: Int) -> [Int] { (0..<size).map { rows(from: rank, to: $0) } }
    func receiving(_ rank: Int) -> [Int] { (0..<size).map { rows(from: $0, to: rank) } }

    /// The sum of every rank's ``values(_:rank:)``.
    func sum(_ shape: [Int]) -> [Float] {
        (0..<size).map { values(shape, rank: $0) }.reduce([Float](repeating: 0, count: shape.reduce(1, *))) {
            zip($0, $1).map(+)
        }
    }

    /// Rows of 3 that one rank sends another, of its ``values(_:rank:)``.
    func sent(from: Int, to: Int) -> [Float] {
        let start = sending(from)[..<to].reduce(0, +)
        let all = values([sending(from).reduce(0, +), 3], rank: from)
        return Array(all[(3 * start)..<(3 * (start + rows(from: from, to: to)))])
    }
}

@Suite(.serialized) struct ProcessGroupTests {
    @Test(arguments: Case.sums) private func sums(_ given: Case) async throws {
        let shapes = [[3, 5], [7], []]
        let found = try await inGroup(of: given.size) { group in
            try shapes.map { shape in
                let x = try tensor(shape, given.dtype, rank: group.rank)
                return try [Found(group.allReduce(x)), Found(x)]
            }
        }
        for rank in 0..<given.size {
            for (found, shape) in zip(found[rank], shapes) {
                #expect(found[0] == Found(shape, given.dtype, given.sum(shape)))
                #expect(found[1] == Found(shape, given.dtype, values(shape, rank: rank)))
            }
        }
    }

    @Test(arguments: Case.all) private func gathers(_ given: Case) async throws {
        for rows in [given.rows, Array(repeating: 2, count: given.size)] {
            let found = try await inGroup(of: given.size) { group in
                try group.allGather(tensor([rows[group.rank], 3], given.dtype, rank: group.rank), rows: rows).map(
                    Found.init)
            }
            let expected = (0..<given.size).map {
                Found([rows[$0], 3], given.dtype, values([rows[$0], 3], rank: $0))
            }
            for rank in 0..<given.size { #expect(found[rank] == expected) }
        }
    }

    @Test(arguments: Case.sums) private func sumsAndScatters(_ given: Case) async throws {
        for rows in [given.rows, Array(repeating: 2, count: given.size)] {
            let all = rows.reduce(0, +)
            let found = try await inGroup(of: given.size) { group in
                try Found(group.reduceScatter(tensor([all, 3], given.dtype, rank: group.rank), rows: rows))
            }
            for rank in 0..<given.size {
                let start = rows[..<rank].reduce(0, +)
                let expected = Array(given.sum([all, 3])[(3 * start)..<(3 * (start + rows[rank]))])
                #expect(found[rank] == Found([rows[rank], 3], given.dtype, expected))
            }
        }
    }

    @Test(arguments: Case.all) private func sendsToAll(_ given: Case) async throws {
        let found = try await inGroup(of: given.size) { group in
            let sending = given.sending(group.rank)
            let x = try tensor([sending.reduce(0, +), 3], given.dtype, rank: group.rank)
            return try Found(group.allToAll(x, sending: sending, receiving: given.receiving(group.rank)))
        }
        for rank in 0..<given.size {
            let expected = (0..<given.size).flatMap { given.sent(from: $0, to: rank) }
            #expect(found[rank] == Found([given.receiving(rank).reduce(0, +), 3], given.dtype, expected))
        }
    }

    @Test(arguments: Case.all) private func spreadsOneRanksTensor(_ given: Case) async throws {
        let shapes = (0..<given.size).map { root in root == 0 ? [] : [2, root] }
        let found = try await inGroup(of: given.size) { group in
            try shapes.enumerated().map { root, shape in
                let x = try tensor(shape, given.dtype, rank: group.rank)
                return try [Found(group.broadcast(x, from: root)), Found(x)]
            }
        }
        for rank in 0..<given.size {
            for (root, shape) in shapes.enumerated() {
                #expect(found[rank][root][0] == Found(shape, given.dtype, values(shape, rank: root)))
                #expect(found[rank][root][1] == Found(shape, given.dtype, values(shape, rank: rank)))
            }
        }
    }

    /// Each rank has as many rows as its number, so that the first sends none.
    @Test(arguments: Case.all) private func exchangesInARing(_ given: Case) async throws {
        let found = try await inGroup(of: given.size) { group in
            let (next, last) = ((group.rank + 1) % group.size, (group.rank + group.size - 1) % group.size)
            let x = try tensor([group.rank, 2], given.dtype, rank: group.rank)
            return try Found(group.exchange(x, to: next, from: last, rows: last))
        }
        for rank in 0..<given.size {
            let last = (rank + given.size - 1) % given.size
            #expect(found[rank] == Found([last, 2], given.dtype, values([last, 2], rank: last)))
        }
    }

    @Test(arguments: [2, 3, 4]) func takesViewsWithGaps(_ size: Int) async throws {
        let equal = try await inGroup(of: size) { group in
            let base = try tensor([4, size, 6], .float32, rank: group.rank)
            let x = try base.transposed(0, 1).slice(1..<3, axis: 2).slice(1..<4, axis: 1)
            let whole = try Tensor(x.floats(), shape: x.shape)
            let ones = Array(repeating: 1, count: size)
            let all = Array(repeating: size, count: size)
            let next = (group.rank + 1) % size
            let operations: [(Tensor) throws -> [Tensor]] = [
                { [try group.allReduce($0)] },
                { try group.allGather($0, rows: all) },
                { [try group.reduceScatter($0, rows: ones)] },
                { [try group.allToAll($0, sending: ones, receiving: ones)] },
                { [try group.broadcast($0, from: 1)] },
                { [try group.exchange($0, to: next, from: (group.rank + size - 1) % size, rows: size)] },
            ]
            return try !x.isContiguous
                && operations.allSatisfy { operation in
                    try operation(x).map(Found.init) == operation(whole).map(Found.init)
                }
        }
        #expect(equal == Array(repeating: true, count: size))
    }

    @Test(arguments: [[0, 3], [2, 0], [0, 0], [0]]) func exchangesNothing(_ shape: [Int]) async throws {
        let found = try await inGroup(of: 3) { group in
            let x = try Tensor.empty(shape, .bfloat16)
            let (own, none) = (Array(repeating: shape[0], count: 3), [shape[0], 0, 0])
            let next = (group.rank + 1) % 3
            return try [
                group.allReduce(x).shape, group.broadcast(x, from: 2).shape, group.allGather(x, rows: own)[1].shape,
                group.exchange(x, to: next, from: (group.rank + 2) % 3, rows: shape[0]).shape,
                group.reduceScatter(x, rows: none).shape,
            ]
        }
        for rank in 0..<3 {
            let scattered = [rank == 0 ? shape[0] : 0] + shape.dropFirst()
            #expect(found[rank] == [shape, shape, shape, shape, scattered])
        }
    }

    @Test func keepsSeveralUnderWay() async throws {
        let given = Case(size: 3, dtype: .float32)
        let found = try await inGroup(of: 3) { group in
            let sending = given.sending(group.rank)
            let x = try tensor([sending.reduce(0, +), 3], .float32, rank: group.rank)
            let first = try group.startAllToAll(x, sending: sending, receiving: given.receiving(group.rank))
            let last = (group.rank + 2) % 3
            let second = try group.startExchange(
                tensor([1], .int64, rank: group.rank), to: (group.rank + 1) % 3, from: last, rows: 1)
            return try [Found(second.value()), Found(first.value()), Found(first.value())]
        }
        for rank in 0..<3 {
            #expect(found[rank][0] == Found([1], .int64, [Float((rank + 2) % 3)]))
            #expect(found[rank][1].values == (0..<3).flatMap { given.sent(from: $0, to: rank) })
            #expect(found[rank][2] == found[rank][1])
        }
    }

    /// Nobody waits for what was started: it is given up with the group.
    @Test func endsWithSomethingUnderWay() async throws {
        let sums = try await inGroup(of: 2) { group in
            for _ in 1...3 {
                _ = try group.startExchange(.full(1, [4]), to: 1 - group.rank, from: 1 - group.rank, rows: 4)
            }
            return try group.allReduce(.full(1, [2])).floats()
        }
        #expect(sums == [[2, 2], [2, 2]])
    }

    /// Ranks 0 1 in the first row, 2 3 in the second: each is in a group of its row and one of its column.
    @Test func makesGroupsOfSomeRanks() async throws {
        let store = RendezvousStore.inProcess()
        let found = try await onRanks(4) { rank in
            let (row, column) = (rank / 2, rank % 2)
            let across = try ProcessGroup(
                store, name: "row \(row)", rank: column, size: 2, .gloo(interface: nil), timeout: .seconds(300))
            let down = try ProcessGroup(
                store, name: "column \(column)", rank: row, size: 2, .gloo(interface: "lo"), timeout: .seconds(300))
            let x = try Tensor.full(Double(rank), [1])
            return try [across.allReduce(x).floats()[0], down.allReduce(x).floats()[0]]
        }.map { try $0.get() }
        #expect(found == [[1, 2], [1, 4], [5, 2], [5, 4]])
    }

    @Test func makesAGroupAgainUnderAnotherName() async throws {
        let store = RendezvousStore.inProcess()
        let found = try await onRanks(3) { rank in
            try (0..<3).map { generation in
                let group = try ProcessGroup(
                    store, name: "generation \(generation)", rank: (rank + generation) % 3, size: 3,
                    .gloo(interface: nil), timeout: .seconds(300))
                return try group.allReduce(.full(Double(group.rank), [1])).floats()[0]
            }
        }.map { try $0.get() }
        #expect(found == Array(repeating: [3, 3, 3], count: 3))
    }

    @Test(arguments: [1, 2, 4]) func countsWhatItSends(_ size: Int) async throws {
        let traffic = try await inGroup(of: size) { group in
            let (rank, rows) = (group.rank, Array(repeating: 2, count: size))
            let x = try tensor([2 * size, 5], .bfloat16, rank: rank)
            for _ in 1...2 { _ = try group.allReduce(x) }
            _ = try group.allGather(x, rows: Array(repeating: 2 * size, count: size))
            _ = try group.reduceScatter(x, rows: rows)
            _ = try group.allToAll(x, sending: rows, receiving: rows)
            _ = try group.broadcast(x, from: 0)
            _ = try group.exchange(x, to: (rank + 1) % size, from: (rank + size - 1) % size, rows: 2 * size)
            try group.barrier()
            return group.traffic
        }
        let whole = 2 * size * 5 * 2
        for (rank, traffic) in traffic.enumerated() {
            guard size > 1 else {
                #expect(traffic == GroupTraffic())
                continue
            }
            let expected: [GroupTraffic.Operation: GroupTraffic.Count] = [
                .allReduce: .init(calls: 2, bytes: 2 * 2 * (size - 1) * whole / size),
                .allGather: .init(calls: 1, bytes: (size - 1) * whole),
                .reduceScatter: .init(calls: 1, bytes: (size - 1) * whole / size),
                .allToAll: .init(calls: 1, bytes: (size - 1) * whole / size),
                .broadcast: .init(calls: 1, bytes: rank == 0 ? (size - 1) * whole : 0),
                .exchange: .init(calls: 1, bytes: whole), .barrier: .init(calls: 1, bytes: 0),
            ]
            for operation in GroupTraffic.Operation.allCases {
                #expect(traffic[operation] == expected[operation])
            }
            #expect(traffic.total.calls == 8)
            #expect(traffic.total.bytes == expected.values.reduce(0) { $0 + $1.bytes })
        }
    }

    /// A group of one gives what a larger one would.
    @Test(arguments: DType.allCases) func worksAlone(_ dtype: DType) async throws {
        let expected = Found([3, 2], dtype, values([3, 2], rank: 0))
        let found = try await inGroup(of: 1) { group in
            let x = try tensor([3, 2], dtype, rank: 0)
            try group.barrier()
            return try [
                group.allGather(x, rows: [3])[0], group.allToAll(x, sending: [3], receiving: [3]),
                group.broadcast(x, from: 0), group.exchange(x, to: 0, from: 0, rows: 3),
                group.startExchange(x, to: 0, from: 0, rows: 3).value(),
            ].map(Found.init)
        }
        #expect(found == [Array(repeating: expected, count: 5)])
        guard ![.float8E4M3, .float8E5M2].contains(dtype) else { return }
        let sums = try await inGroup(of: 1) { group in
            let x = try tensor([3, 2], dtype, rank: 0)
            return try [group.allReduce(x), group.reduceScatter(x, rows: [3])].map(Found.init)
        }
        #expect(sums == [[expected, expected]])
    }
}
