package import Files
package import Tensors

/// Why the engine cannot serve.
package enum EngineError: BlamedError, Equatable {
    case noModel
    /// Nothing can run on a device, and why.
    case deviceMissing(Device, reason: String)
    /// The program that workers run was looked for at these paths.
    case noWorkerProgram([String])
    /// A worker could not be started, and why.
    case notStarted(worker: Int, reason: String)
    /// A worker's process ended.
    case workerDied(worker: Int, process: Int32, ending: String)
    /// A worker stopped working and was killed.
    case workerHung(worker: Int, process: Int32, symptom: String)
    /// A rank of a model is lost, nil for one that nobody knows, and why.
    case rankLost(Int?, reason: String)
    /// A worker has lost one of its ranks, and how, in a sentence.
    case teamLost(String)
    /// The engine is shut down.
    case closed
    /// A pipeline ended without having made anything.
    case noPixels

    package var blame: Blame {
        switch self {
        case .workerDied, .workerHung, .notStarted, .rankLost, .teamLost: .worker
        case .noModel, .deviceMissing, .noWorkerProgram, .closed: .unavailable
        case .noPixels: .bug
        }
    }
}

extension EngineError {
    /// Checks that models can run on a device, as far as that is known without loading what a GPU needs.
    ///
    /// - Parameter device: the device
    /// - Throws: ``deviceMissing(_:reason:)``
    package static func require(_ device: Device) throws(EngineError) {
        try need(device) { () throws(TensorError) in try device.check() }
    }

    /// Makes a device the calling thread's.
    ///
    /// - Parameter device: the device
    /// - Throws: ``deviceMissing(_:reason:)``
    static func enter(_ device: Device) throws(EngineError) {
        try need(device) { () throws(TensorError) in try device.enter() }
    }

    /// The compute capability of a device.
    ///
    /// - Parameter device: the device
    /// - Returns: nil for the CPU
    /// - Throws: ``deviceMissing(_:reason:)``
    package static func computeCapability(of device: Device) throws(EngineError) -> ComputeCapability? {
        try need(device) { () throws(TensorError) in try device.computeCapability() }
    }

    private static func need<Result>(_ device: Device, _ body: () throws(TensorError) -> Result) throws(EngineError)
        -> Result
    {
        do throws(TensorError) {
            return try body()
        } catch {
            throw .deviceMissing(device, reason: error.message)
        }
    }
}

extension EngineError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noModel: "no model is loaded"
        case .deviceMissing(let device, let reason): "\(device) cannot be used: \(reason)"
        case .noWorkerProgram(let paths):
            "the program visualgen, which workers run, is not at \(paths.joined(separator: " or ")); "
                + "VISUALGEN_WORKER may name it"
        case .notStarted(let worker, let reason): "worker \(worker) could not be started: \(reason)"
        case .workerDied(let worker, let process, let ending): "worker \(worker) (process \(process)) \(ending)"
        case .workerHung(let worker, let process, let symptom):
            "worker \(worker) (process \(process)) \(symptom) and was killed"
        case .rankLost(let rank?, let reason): "rank \(rank) is lost: \(reason)"
        case .rankLost(nil, let reason): "a rank is lost: \(reason)"
        case .teamLost(let sentence): sentence
        case .closed: "the engine is shut down"
        case .noPixels: "the pipeline made nothing"
        }
    }
}
