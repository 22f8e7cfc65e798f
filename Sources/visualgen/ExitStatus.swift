internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Files
internal import Foundation
internal import Layers
internal import Media
internal import Tensors
internal import Tokenizers

/// What the process tells its parent, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case usage = 64
    case badInput = 65
    case unavailable = 69
    case bug = 70
    case cannotWrite = 73
    case interrupted = 130

    /// The status of an error.
    init(of error: any Error) {
        self =
            switch error {
            case is InvalidRequest, is RequestError, is ValidationError: .usage
            case is CheckpointError, is ConfigError, is WeightError, is TokenizerError: .badInput
            case let error as SafetensorsError: error.isAboutWriting ? .cannotWrite : .badInput
            case MediaError.unknownExtension: .usage
            case let error as MediaError: error.isAboutWriting ? .cannotWrite : .badInput
            case is OutputError: .cannotWrite
            case is EngineError: .unavailable
            case let error as TensorError: error.kind == .outOfMemory ? .unavailable : .bug
            case is CancellationError: .interrupted
            default: .bug
            }
    }

    /// Ends the process: an error becomes one sentence on standard error.
    ///
    /// - Parameters:
    ///   - error: what ended the command
    ///   - command: the root, which knows help and usage
    static func exit(reporting error: any Error, from command: (some ParsableCommand).Type) -> Never {
        let code = command.exitCode(for: error)
        if code == .success { command.exit(withError: error) }
        let isUsage = code == .validationFailure
        let sentence =
            switch error {
            case is CancellationError: "interrupted"
            case _ where isUsage: command.message(for: error)
            default: "\(error)"
            }
        StandardError.write("visualgen: \(sentence.split(separator: "\n").joined(separator: " "))\n")
        Foundation.exit((isUsage ? .usage : ExitStatus(of: error)).rawValue)
    }
}

extension SafetensorsError {
    fileprivate var isAboutWriting: Bool {
        if case .file(_, .cannotWrite) = self { true } else { false }
    }
}

extension MediaError {
    fileprivate var isAboutWriting: Bool {
        switch self {
        case .cannotWrite, .cannotEncode: true
        default: false
        }
    }
}
