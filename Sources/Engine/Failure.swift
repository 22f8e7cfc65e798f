internal import Diffusion
internal import Files
internal import Hub
internal import Layers
internal import Media
internal import Messaging
internal import Models
internal import Tensors
internal import Tokenizers

/// What went wrong with a job, in a form that crosses from a worker's process into the engine's.
package struct Failure: Error, Codable, Equatable {
    /// Whose fault it is, which decides what becomes of the job.
    package enum Kind: String, Codable, Sendable {
        /// The request cannot be served as it is.
        case request
        /// A file that the request brings along is not what it must be.
        case input
        /// The model's files are not what they must be.
        case model
        /// A device, a library or a service is missing.
        case unavailable
        /// There is not enough memory.
        case memory
        /// The output cannot be written.
        case output
        /// The worker died or hung.
        case worker
        /// The job was called off.
        case cancelled
        /// The program is wrong.
        case bug
    }

    package let kind: Kind
    /// One sentence for a person, without anything that a terminal obeys.
    package let message: String

    package init(_ kind: Kind, _ message: String) {
        (self.kind, self.message) = (kind, message.cut())
    }

    /// - Parameter error: any error of this package's code
    package init(of error: any Error) {
        if let failure = error as? Failure {
            self = failure
        } else {
            self.init(Self.kind(of: error), error.sentence.printable)
        }
    }

    private static func kind(of error: any Error) -> Kind {
        switch error {
        case is InvalidRequest, is RequestError, is StepCacheError, is SchedulerError, MessagingError.tooLong: .request
        case is MessagingError: .unavailable
        case is InputError: .input
        case let error as SafetensorsError: error.isAboutWriting ? .output : .model
        case let error as MediaError: error.kind
        case let error as HubError: error.isAboutTheService ? .unavailable : .model
        case is CheckpointError, is ConfigError, is WeightError, is TokenizerError, is FileError: .model
        case is NonFiniteOutput: .model
        case let error as EngineError: error.kind
        case let error as TensorError: error.kind == .outOfMemory ? .memory : .bug
        case is CancellationError: .cancelled
        default: .bug
        }
    }
}

extension Failure: CustomStringConvertible {
    package var description: String { message }
}

extension SafetensorsError {
    fileprivate var isAboutWriting: Bool {
        if case .file(_, .cannotWrite) = self { true } else { false }
    }
}

extension MediaError {
    fileprivate var kind: Failure.Kind {
        switch self {
        case .unknownExtension, .unknownVideoExtension, .quality, .videoSetting, .noCRF, .frameRate, .gifRate: .request
        case .missingVideoEncoder, .missingCodec: .unavailable
        case .outOfMemory: .memory
        case .cannotWrite, .cannotEncode, .cannotEncodeVideo: .output
        case .frameSize, .noFrames, .videoIsClosed, .emptyImage, .pixelCount: .bug
        default: .input
        }
    }
}
