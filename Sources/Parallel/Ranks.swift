package import Tensors

/// One rank's place among those that work on a request together, and the groups it exchanges tensors in.
///
/// It belongs to the rank's device thread.
package final class Ranks {
    package let mesh: Mesh
    package let rank: Int
    /// Exchanges what decides what is done next; on CPUs in any case, so that no device need be waited for.
    package let control: ProcessGroup
    private let groups: [Mesh.Axis: ProcessGroup]
    /// Where the tensors of ``subscript(_:)``'s groups are.
    private let device: Device

    /// Meets the other ranks: every rank makes its groups in the same order.
    ///
    /// - Parameters:
    ///   - mesh: the places of all ranks
    ///   - rank: this one's number
    ///   - store: where they meet
    ///   - generation: a name that no earlier groups of this store have
    ///   - transport: how tensors travel
    ///   - timeout: how long a rank is waited for
    package init(
        _ mesh: Mesh, rank: Int, _ store: RendezvousStore, generation: String = "0",
        _ transport: ProcessGroup.Transport, timeout: Duration
    ) throws(TensorError) {
        (self.mesh, self.rank) = (mesh, rank)
        device = if case .nccl(let index) = transport { .cuda(index) } else { .cpu }
        func group(_ name: String, _ members: [Int], _ transport: ProcessGroup.Transport) throws(TensorError)
            -> ProcessGroup
        {
            let name = "\(generation)/\(name)/\(members[0])"
            let place = members.firstIndex(of: rank) ?? 0
            return try ProcessGroup(store, name: name, rank: place, size: members.count, transport, timeout: timeout)
        }
        control = try group("control", mesh.members(.world, with: rank), .gloo(interface: nil))
        var groups: [Mesh.Axis: ProcessGroup] = [:]
        for axis in Mesh.Axis.allCases where axis != .world {
            let members = mesh.members(axis, with: rank)
            if members.count > 1 { groups[axis] = try group(axis.rawValue, members, transport) }
        }
        self.groups = groups
    }

    package subscript(_ axis: Mesh.Axis) -> ProcessGroup? { groups[axis] }

    /// What another thread may hold, to end all groups.
    package var aborters: [GroupAborter] { [control.aborter] + groups.values.map(\.aborter) }

    /// How often memory that GPUs share was given up for more: what was captured before must not be replayed.
    package var memoryMoves: Int { groups.values.map(\.memoryMoves).reduce(0, +) }

    /// The layout's numbers.
    package var layout: ParallelLayout { mesh.layout }

    /// Whether this rank tells the others what is done, and delivers what is made.
    package var leads: Bool { rank == 0 }

    /// What rank 0 decides.
    ///
    /// - Parameter decide: asked on rank 0 alone
    /// - Returns: the same on every rank
    package func agreed(_ decide: () throws(TensorError) -> Bool) throws(TensorError) -> Bool {
        let own: Float = leads ? (try decide() ? 1 : 0) : 0
        return try control.broadcast(Tensor([own], shape: [1]), from: 0).floats()[0] != 0
    }
}

extension Ranks {
    /// The least of all ranks' numbers.
    ///
    /// - Parameter number: this rank's, a count of bytes
    /// - Returns: the same on every rank
    package func least(_ number: Int) throws(TensorError) -> Int {
        // In pieces that 32-bit floats hold.
        let own = try Tensor(
            [Float(number >> 40), Float(number >> 20 & 0xFFFFF), Float(number & 0xFFFFF)], shape: [1, 3])
        let all = try control.allGather(own, rows: mesh.members(.world, with: rank).map { _ in 1 })
        let numbers = try all.map { row throws(TensorError) in
            try row.floats().reduce(0) { $0 << 20 | Int($1) }
        }
        return numbers.min() ?? number
    }

    /// The sums of some numbers over the ranks of a group.
    ///
    /// - Parameters:
    ///   - numbers: this rank's
    ///   - axis: what the ranks share; where nothing is shared the numbers are their own sums
    /// - Returns: the same on every rank of the group
    package func sum(_ numbers: [Float], over axis: Mesh.Axis) throws(TensorError) -> [Float] {
        guard let group = self[axis] else { return numbers }
        return try group.allReduce(Tensor(numbers, shape: [numbers.count], on: device)).floats()
    }

    /// The numbers of the first rank of a group.
    ///
    /// - Parameters:
    ///   - numbers: this rank's
    ///   - axis: what the ranks share
    /// - Returns: the same on every rank of the group
    package func first(_ numbers: [Float], of axis: Mesh.Axis) throws(TensorError) -> [Float] {
        guard let group = self[axis] else { return numbers }
        return try group.broadcast(Tensor(numbers, shape: [numbers.count], on: device), from: 0).floats()
    }
}

@available(*, unavailable) extension Ranks: Sendable {}
