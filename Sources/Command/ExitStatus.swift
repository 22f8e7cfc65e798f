internal import ArgumentParser
internal import Engine
internal import Files
internal import Foundation
internal import Server
internal import VisualGen

/// What the process tells its parent, as in `sysexits.h`.
enum ExitStatus: Int32 {
    case success = 0
    case usage = 64
    case badInput = 65
    case unavailable = 69
    case bug = 70
    case cannotWrite = 73
    case blocked = 77
    case interrupted = 130

    /// The status of an error.
    init(of error: any Error) {
        self =
            switch error {
            case is ValidationError: .usage
            case let error as ConfigurationError: error.file == nil ? .usage : .badInput
            case is OutputError: .cannotWrite
            case let error as ServerError: ExitStatus(of: error)
            case is InspectionError: .badInput
            default: ExitStatus(Failure(of: error).kind)
            }
    }

    private init(of error: ServerError) {
        self =
            switch error {
            case .folder, .mediaWithoutStore: .cannotWrite
            case .folderInUse, .cannotListen: .unavailable
            case .keys, .keyFile: .badInput
            case .openWithoutKeys: .usage
            }
    }

    private init(_ kind: Blame) {
        self =
            switch kind {
            case .request: .usage
            case .blocked: .blocked
            case .input, .model: .badInput
            case .unavailable, .memory, .worker: .unavailable
            case .output: .cannotWrite
            case .cancelled: .interrupted
            case .bug: .bug
            }
    }

    /// Ends the process: an error becomes one sentence on standard error, a call for help its text on standard output.
    ///
    /// - Parameters:
    ///   - error: what ended the command
    ///   - command: the root, which knows help and usage
    static func exit(reporting error: any Error, from command: (some ParsableCommand).Type) -> Never {
        let code = command.exitCode(for: error)
        if code == .success {
            StandardOutput.print(page: command.fullMessage(for: error))
            end(.success)
        }
        let isUsage = code == .validationFailure
        let sentence =
            switch error {
            case is CancellationError: "interrupted"
            case _ where isUsage:
                OptionNames(of: CommandLine.arguments.dropFirst().first).corrected(command.message(for: error))
            default: Failure(of: error).message
            }
        let lines = sentence.split(whereSeparator: \.isNewline).map { $0.drop { $0 == " " } }
        StandardError.write("visualgen: \(lines.joined(separator: " "))\n")
        end(isUsage ? .usage : ExitStatus(of: error))
    }

    /// Ends the process at once: LibTorch would take a tenth of a second to take itself down.
    static func end(_ status: ExitStatus) -> Never {
        fflush(nil)
        _exit(status.rawValue)
    }
}
