internal import CTorch
internal import Glibc

/// Where tensors live and operations run.
package enum Device: Hashable, Sendable, Codable {
    case cpu
    case cuda(Int)

    init(index: Int) { self = index < 0 ? .cpu : .cuda(index) }

    /// The shim's number: -1 for the CPU, else the CUDA index.
    var index: Int32 {
        switch self {
        case .cpu: -1
        case .cuda(let index): Int32(index)
        }
    }
}

extension Device: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cpu: "cpu"
        case .cuda(let index): "cuda:\(index)"
        }
    }
}

extension Device: LosslessStringConvertible {
    /// Reads `cpu`, `cuda` or `cuda:N`.
    package init?(_ description: String) {
        switch description {
        case "cpu": self = .cpu
        case "cuda": self = .cuda(0)
        default:
            guard description.hasPrefix("cuda:"), let index = Int(description.dropFirst(5)), (0..<128).contains(index)
            else { return nil }
            self = .cuda(index)
        }
    }
}

/// How LibTorch computes, for each operating system thread unless it says otherwise.
package enum ThreadSettings {
    /// Turns automatic differentiation off for the calling thread, for good.
    package static func enterInferenceMode() { ct_enter_inference_mode() }

    /// How many threads one operation started by the calling thread may use, at least 1.
    package static var threads: Int {
        get { Int(ct_threads()) }
        set {
            // LibTorch forgets its own choice when it is told another.
            _ = usualThreads
            ct_set_threads(Int32(clamping: max(1, newValue)))
        }
    }

    /// How many threads an operation uses where nobody says: LibTorch's choice, of which no more than may run at once.
    ///
    /// What `OMP_NUM_THREADS` or `MKL_NUM_THREADS` asks for is left as it is.
    package static let usualThreads: Int = {
        let choice = Int(ct_threads())
        let isAsked = getenv("OMP_NUM_THREADS") != nil || getenv("MKL_NUM_THREADS") != nil
        return isAsked ? choice : min(choice, HostResources.current.processors)
    }()

    /// Whether the calling thread's convolutions of 32-bit floats may round their factors to TF32, 10 bits, on GPUs.
    package static var allowsTF32Convolutions: Bool {
        get { ct_allows_tf32_convolutions() }
        set { ct_allow_tf32_convolutions(newValue) }
    }

    /// A line for each choice among kernels of the CPU that this process has made, with what was measured.
    package static var kernelChoices: [String] {
        String(cString: ct_kernel_choices()).split(separator: "\n").map(String.init)
    }

    /// The instruction set LibTorch's own kernels use here, for example `AVX2`.
    package static var cpuCapability: String { String(cString: ct_cpu_capability()) }
}

/// The memory of large tensors on the CPU.
package enum HostMemory {
    /// Keeps the memory of tensors that are freed while a body runs for the next ones, and gives it back afterwards.
    ///
    /// - Parameter body: a request, or anything that makes tensors of the same sizes again and again
    /// - Returns: the body's result
    /// - Throws: the body's error
    package static func reusing<Result>(_ body: () throws -> Result) rethrows -> Result {
        ct_reuse_memory(true)
        defer { ct_reuse_memory(false) }
        return try body()
    }

    /// The most that the CPU's tensors took at once since ``resetPeak()``.
    ///
    /// - Returns: bytes of tensors, and of them with what was kept for the next ones
    package static func peak() throws(TensorError) -> (allocated: Int, reserved: Int) {
        var memory = ct_device_memory()
        guard ct_get_device_memory(-1, &memory) == 0 else { throw TensorError.ofThisThread(in: "host_memory") }
        return (Int(memory.peak_allocated), Int(memory.peak_reserved))
    }

    /// Counts ``peak()`` from here on.
    package static func resetPeak() throws(TensorError) {
        guard ct_reset_peak_device_memory(-1) == 0 else { throw TensorError.ofThisThread(in: "reset_peak_memory") }
    }
}
