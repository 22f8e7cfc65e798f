internal import CTorch

/// Tensors whose numbers wait in the host's memory for their turn on a device.
///
/// It notes the tensors that its thread makes until ``endCollecting()``. Those that are still held when a group ends belong
/// to the group: their numbers go to the host, and come back with ``fetch(_:into:)``.
package final class OffloadedTensors {
    private let handle: ct_offload

    /// Begins to note the tensors that the calling thread makes on the device that it has entered.
    ///
    /// - Parameter pinned: whether the host's memory is such as a GPU reads by itself
    package init(pinned: Bool) throws(TensorError) {
        guard let handle = ct_offload_begin(pinned) else { throw TensorError.ofThisThread(in: "offload_begin") }
        self.handle = handle
    }

    deinit { ct_offload_release(handle) }

    /// What was made since the last group belongs to the last of all.
    package func setAside() { ct_offload_set_aside(handle) }

    /// Makes a group of what was made since the last one, or since something was set aside.
    ///
    /// - Returns: its bytes
    package func endGroup() throws(TensorError) -> Int {
        let bytes = ct_offload_group(handle)
        guard bytes >= 0 else { throw TensorError.ofThisThread(in: "offload_group") }
        return Int(bytes)
    }

    /// Makes the last group, of what was set aside, and notes no more tensors.
    ///
    /// - Returns: its bytes
    package func endCollecting() throws(TensorError) -> Int {
        let bytes = ct_offload_end(handle)
        guard bytes >= 0 else { throw TensorError.ofThisThread(in: "offload_end") }
        return Int(bytes)
    }

    /// Takes memory of the device, in place of what it has; all groups are on the host then.
    ///
    /// - Parameter sizes: bytes of each room
    package func makeRooms(_ sizes: [Int]) throws(TensorError) {
        guard ct_offload_make_rooms(handle, sizes.int64, sizes.count) == 0 else {
            throw TensorError.ofThisThread(in: "offload_make_rooms")
        }
    }

    /// Begins to copy a group into a room, whose last one has been used.
    ///
    /// - Parameters:
    ///   - group: by number
    ///   - room: by number
    package func fetch(_ group: Int, into room: Int) throws(TensorError) {
        guard ct_offload_fetch(handle, group, room) == 0 else { throw TensorError.ofThisThread(in: "offload_fetch") }
    }

    /// Has what the thread starts next wait for a group's last fetch.
    ///
    /// - Parameter group: by number
    package func await(_ group: Int) throws(TensorError) {
        guard ct_offload_await(handle, group) == 0 else { throw TensorError.ofThisThread(in: "offload_await") }
    }
}
