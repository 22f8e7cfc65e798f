internal import CTorch

extension Device {
    /// Checks that operations can run here, as far as that is known without loading what a GPU needs.
    ///
    /// - Throws: ``TensorError``, whose message says what is missing
    package func check() throws(TensorError) {
        guard ct_check_device(index) == 0 else { throw TensorError.ofThisThread(in: "check_device") }
    }

    /// The compute capability of a GPU, without loading what it needs.
    ///
    /// - Returns: nil for the CPU
    /// - Throws: as ``check()``
    package func computeCapability() throws(TensorError) -> ComputeCapability? {
        if self == .cpu { return nil }
        var (major, minor): (Int32, Int32) = (0, 0)
        guard ct_get_compute_capability(index, &major, &minor) == 0 else {
            throw TensorError.ofThisThread(in: "compute_capability")
        }
        return ComputeCapability(Int(major), Int(minor))
    }

    /// Makes this the device of the calling thread, for good; on a GPU with a stream of its own.
    package func enter() throws(TensorError) {
        guard ct_enter_device(index) == 0 else { throw TensorError.ofThisThread(in: "enter_device") }
    }

    /// Waits until the device has done everything it was asked.
    package func synchronize() throws(TensorError) {
        guard ct_synchronize(index) == 0 else { throw TensorError.ofThisThread(in: "synchronize") }
    }

    /// The memory of a GPU.
    ///
    /// - Returns: nil for the CPU
    package func memory() throws(TensorError) -> DeviceMemory? {
        if self == .cpu { return nil }
        var memory = ct_device_memory()
        guard ct_get_device_memory(index, &memory) == 0 else { throw TensorError.ofThisThread(in: "device_memory") }
        return DeviceMemory(
            available: Int(memory.available), peakAllocated: Int(memory.peak_allocated),
            peakReserved: Int(memory.peak_reserved))
    }

    /// Takes one piece of a GPU's memory for tensors that the calling thread makes next, if there is such a piece.
    ///
    /// - Parameter bytes: what they take together
    package func reserve(_ bytes: Int) throws(TensorError) {
        guard ct_reserve_device_memory(index, Int64(bytes)) == 0 else {
            throw TensorError.ofThisThread(in: "reserve_memory")
        }
    }

    /// Counts the peaks of ``memory()`` from here on.
    package func resetPeakMemory() throws(TensorError) {
        if self == .cpu { return }
        guard ct_reset_peak_device_memory(index) == 0 else { throw TensorError.ofThisThread(in: "reset_peak_memory") }
    }
}

/// Which generation a GPU is of, in NVIDIA's numbers.
package struct ComputeCapability: Sendable, Equatable {
    /// The generation: 8 is Ampere and Ada, 9 Hopper, 10 and 12 Blackwell.
    package let major: Int
    package let minor: Int

    /// - Parameters:
    ///   - major: the first number
    ///   - minor: the second
    package init(_ major: Int, _ minor: Int) { (self.major, self.minor) = (major, minor) }
}

extension ComputeCapability: CustomStringConvertible {
    package var description: String { "\(major).\(minor)" }
}

/// The memory of a GPU, in bytes.
package struct DeviceMemory: Sendable, Equatable, Codable {
    /// What this process has of it or may still have.
    package let available: Int
    /// The most that tensors took at once.
    package let peakAllocated: Int
    /// The most that was kept for tensors.
    package let peakReserved: Int
}
