internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Layers
internal import Models
internal import Tensors

/// Which model, where and how it runs.
struct ModelOptions: ParsableArguments {
    @Option(name: .long, help: "A checkpoint's folder, or demo-image.")
    var model: String

    @Option(name: .long, help: "cpu, cuda or cuda:N.")
    var device: Device = .cpu

    @Option(name: .long, help: "float32, bfloat16 or float16.")
    var dtype: ComputeType = .float32

    @Option(name: .long, parsing: .unconditional, help: "Threads of one operation.")
    var threads: Int?

    @Option(
        name: .long, parsing: .unconditional,
        help: "The memory that the process may hold, as 8GB, 8GiB or 500MB; all of the machine's if absent.")
    var memoryLimit: ByteCount?

    @Flag(name: .long, help: "Skip config keys that this build does not know, at the risk of wrong pictures.")
    var allowUnknownConfig = false

    func validate() throws {
        if let threads, !(1...1024).contains(threads) {
            throw ValidationError("threads is \(threads); it must be from 1 to 1024")
        }
    }

    /// Opens the checkpoint.
    func checkpoint() throws -> CheckpointFolder {
        try Catalog.checkpoint(at: ModelLocation.path(of: model), allowingUnknownConfig: allowUnknownConfig)
    }

    /// How the model computes.
    var plan: ExecutionPlan { ExecutionPlan(dtype: dtype.dtype, device: device) }

    /// The worker of the device.
    func worker() throws -> LocalWorker {
        guard device == .cpu else { throw EngineError.deviceMissing(device) }
        return LocalWorker(device: device, threads: threads)
    }
}

/// A type that models compute in.
enum ComputeType: String, ExpressibleByArgument, CaseIterable {
    case float32, bfloat16, float16

    var dtype: DType {
        switch self {
        case .float32: .float32
        case .bfloat16: .bfloat16
        case .float16: .float16
        }
    }
}

extension Device: ExpressibleByArgument {
    /// Reads a device from the command line.
    public init?(argument: String) { self.init(argument) }
}
