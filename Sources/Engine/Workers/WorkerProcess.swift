internal import Diffusion
internal import Foundation
internal import Messaging

/// One life of a worker's process: the process, its socket, key and shared memory.
struct WorkerProcess {
    /// What the engine is told about one life.
    enum Event: Sendable {
        case said(WorkerMessage)
        /// It is of another version, or says what nobody understands.
        case unusable(String)
        case ended(ChildProcess.Ending)
    }

    private let folder: PrivateFolder
    private let buffer: SharedBuffer
    private let channel: Channel
    private let child: ChildProcess

    /// Starts a process.
    ///
    /// - Parameters:
    ///   - configuration: which model, and how
    ///   - tell: told of every event, in order but for the end
    /// - Throws: ``EngineError/noWorkerProgram(_:)``, ``MessagingError`` or ``SystemFailure``
    init(_ configuration: WorkerConfiguration, tell: @escaping @Sendable (Event) -> Void) throws {
        let program = try WorkerLocation.program()
        let key = MessageKey()
        folder = try PrivateFolder()
        buffer = try SharedBuffer()
        let socket = "\(folder.path)/worker"
        channel = try Channel(.engine, at: socket, key: key) { event in
            switch event {
            case .message(let body):
                do {
                    tell(.said(try WorkerMessage(messageBody: body)))
                } catch {
                    tell(.unusable("said what this program does not understand"))
                }
            case .unusable(let error): tell(.unusable("\(error)"))
            }
        }
        let invitation = WorkerInvitation(socket: socket, key: key.hexadecimal, configuration: configuration)
        do {
            child = try ChildProcess(
                program, ["worker"], inheriting: [buffer.descriptor],
                firstLine: WorkerWelcome.worker(invitation).messageBody() + Array("\n".utf8),
                ended: { tell(.ended($0)) })
        } catch {
            channel.close()
            throw error
        }
        try say(.start)
    }

    /// The system's number of it.
    var identifier: Int32 { child.identifier }

    /// - Parameter message: what the worker is told
    /// - Throws: ``MessagingError/tooLong(bytes:limit:)``
    func say(_ message: EngineMessage) throws { try channel.send(message.messageBody()) }

    /// Gives the worker a job, when it has none.
    ///
    /// - Parameters:
    ///   - job: its number
    ///   - request: what is to be made
    /// - Throws: ``MessagingError``
    func assign(_ job: Int, _ request: GenerationRequest) throws {
        try say(.generate(job: job, RequestParcel(request, into: buffer)))
    }

    /// Takes a part of an output, or a preview, out of the shared memory.
    ///
    /// - Parameter parcel: what the worker says of it
    /// - Returns: the part
    /// - Throws: ``MessagingError``
    func unpack(_ parcel: PartParcel) throws -> OutputPart { try parcel.unpacked(from: buffer) }

    /// Ends the process at once.
    func kill() { child.kill() }

    /// Lets go of what is left when the process is over.
    func close() { channel.close() }
}
