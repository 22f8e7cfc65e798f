internal import CTorch

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

    /// How many threads one operation started by the calling thread may use.
    package static var threads: Int {
        get { Int(ct_threads()) }
        set { ct_set_threads(Int32(clamping: newValue)) }
    }

    /// Lets convolutions of 32-bit floats round their factors to TF32, 10 bits, on GPUs, or forbids it; in the whole process.
    package static func allowTF32Convolutions(_ may: Bool) { ct_allow_tf32_convolutions(may) }

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
}
