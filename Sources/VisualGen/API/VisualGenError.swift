internal import Engine
internal import Files

/// Why a request or a model failed; the description is one sentence.
public enum VisualGenError: Error, Sendable, Equatable {
    /// The parameters cannot be served: every problem, each a sentence without a full stop.
    case invalidParameters([String])
    /// The guardrail does not allow the request, or what was made of it; nothing of it is kept.
    case blocked(String)
    /// An image that a request brings along cannot be read, or is not what it must be.
    case input(String)
    /// The model cannot be found, or its files are not what they must be.
    case model(String)
    /// A device, a program or a service is missing, or the engine is shut down.
    case unavailable(String)
    /// There is not enough memory.
    case outOfMemory(String)
    /// The worker died or hung; the next request is served by another.
    case workerLost(String)
    /// The output cannot be written.
    case output(String)
    /// The time given was over; the request was called off.
    case timedOut(seconds: Double)
    /// The program is wrong.
    case bug(String)

    /// - Parameter error: any error below the public surface
    init(_ error: any Error) {
        if let error = error as? VisualGenError {
            self = error
        } else {
            self.init(Failure(of: error))
        }
    }

    private init(_ failure: Failure) {
        self =
            switch failure.kind {
            case .request: .invalidParameters([failure.message])
            case .blocked: .blocked(failure.message)
            case .input: .input(failure.message)
            case .model: .model(failure.message)
            case .unavailable, .cancelled: .unavailable(failure.message)
            case .memory: .outOfMemory(failure.message)
            case .output: .output(failure.message)
            case .worker: .workerLost(failure.message)
            case .bug: .bug(failure.message)
            }
    }
}

extension VisualGenError: CustomStringConvertible {
    /// One sentence, or a line for each wrong parameter.
    public var description: String {
        switch self {
        case .invalidParameters(let problems):
            "Parameter validation failed:" + problems.map { "\n- \($0)" }.joined()
        case .blocked(let message), .input(let message), .model(let message), .unavailable(let message),
            .outOfMemory(let message),
            .workerLost(let message), .output(let message), .bug(let message):
            message
        case .timedOut(let seconds): "Generation timed out after \(seconds) s"
        }
    }
}
