internal import CTorch

/// Ranks that exchange tensors: LibTorch's process groups.
///
/// Every rank makes the same calls in the same order, with tensors of one type whose axes after the first agree; what does not
/// fit on this rank is an error before anything is sent. Rows are those of axis 0. A group of one sends nothing and gives what
/// a larger one would. What fails between ranks is of the kind ``TensorError/Kind/peerLost`` and ends the group: every later
/// call fails at once, and the ranks that are left make another group under another name.
///
/// Over Gloo a call waits for the numbers. Over NCCL the calling thread's stream does, except for ``barrier()``, and a rank
/// that died goes unnoticed: who finds out calls ``abort()``, or the process ends after the group's time-out.
package final class ProcessGroup {
    /// What carries the messages.
    package enum Transport: Sendable, Equatable {
        /// Tensors of the CPU, over TCP at a network interface. Nil takes loopback where the store is of this machine, else what
        /// `GLOO_SOCKET_IFNAME` or the machine's name says.
        case gloo(interface: String?)
        /// Tensors of a GPU, which is the calling thread's.
        case nccl(device: Int)
    }

    /// This rank, from 0.
    package let rank: Int
    /// How many there are.
    package let size: Int
    /// What this rank has sent.
    package internal(set) var traffic = GroupTraffic()
    let handle: GroupHandle

    /// Joins a group, and waits until all its ranks have.
    ///
    /// - Parameters:
    ///   - store: where they find each other
    ///   - name: the group's, which none of the store had before
    ///   - rank: this rank, from 0
    ///   - size: how many there are
    ///   - transport: what carries the messages
    ///   - timeout: how long to wait for the others here, and in each call
    package init(
        _ store: RendezvousStore, name: String, rank: Int, size: Int, _ transport: Transport, timeout: Duration
    ) throws(TensorError) {
        guard let member = Int32(exactly: rank), let members = Int32(exactly: size) else {
            throw TensorError(operation: "group", message: "rank \(rank) of \(size)", kind: .other)
        }
        let group =
            switch transport {
            case .gloo(let interface?):
                ct_group_gloo(store.handle, name, member, members, interface, timeout.milliseconds)
            case .gloo(nil):
                ct_group_gloo(store.handle, name, member, members, nil, timeout.milliseconds)
            case .nccl(let device):
                ct_group_nccl(store.handle, name, member, members, Int32(clamping: device), timeout.milliseconds)
            }
        guard let group else { throw TensorError.ofThisThread(in: "group") }
        (self.rank, self.size, handle) = (rank, size, GroupHandle(group))
    }

    /// Waits for all ranks.
    package func barrier() throws(TensorError) {
        guard ct_barrier(handle.group) == 0 else { throw TensorError.ofThisThread(in: "barrier") }
        count(.barrier, bytes: 0)
    }

    /// Ends the group: over NCCL what hangs on the GPU is given up, over Gloo a call that runs goes on until its time-out.
    package func abort() { handle.abort() }

    /// What another thread may hold, to end the group.
    package var aborter: GroupAborter { GroupAborter(handle) }

    /// How often memory that GPUs share was given up for more.
    package var memoryMoves: Int { Int(ct_group_moves(handle.group)) }

    /// Counts a call; a group of one sends nothing.
    func count(_ operation: GroupTraffic.Operation, bytes: Int) {
        if size > 1 { traffic.add(operation, bytes: bytes) }
    }
}

@available(*, unavailable, message: "A group stays on the worker whose tensors it exchanges; send its aborter.")
extension ProcessGroup: Sendable {}

/// Ends a group from another thread.
package struct GroupAborter: Sendable {
    private weak let handle: GroupHandle?

    fileprivate init(_ handle: GroupHandle) { self.handle = handle }

    /// Does what ``ProcessGroup/abort()`` does; nothing if the group is gone.
    package func abort() { handle?.abort() }
}

/// The shim's group.
// @unchecked: the handle never changes, and of all that is done with it only `abort` is called by other threads, which the
// shim allows.
final class GroupHandle: @unchecked Sendable {
    let group: ct_group

    fileprivate init(_ group: ct_group) { self.group = group }

    deinit { ct_group_release(group) }

    fileprivate func abort() { ct_group_abort(group) }
}
