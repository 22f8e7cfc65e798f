internal import Diffusion
internal import Foundation
internal import Messaging

/// What a new process hears on its standard input, before anything else.
struct WorkerInvitation: Codable {
    /// The socket that it is to listen at.
    let socket: String
    /// ``MessageKey/hexadecimal``.
    let key: String
    let configuration: WorkerConfiguration
}

/// What the engine says to a worker's process.
enum EngineMessage: Codable {
    /// The first thing said, so that the worker knows whom to answer.
    case start
    /// The images of the request are in the shared memory.
    case generate(job: Int, RequestParcel)
    case cancel(job: Int)
    /// One of the parts was handed on: another may come.
    case taken
}

/// What a worker's process says to the engine.
enum WorkerMessage: Codable {
    case progress(job: Int?, Diffusion.Progress)
    /// What the images would be by now.
    case preview(job: Int, PartParcel)
    /// A part of the output; only ``PartAllowance/count`` are on their way at once.
    case part(job: Int, PartParcel)
    /// The model is loaded and warm.
    case ready(ModelOffer)
    /// The model cannot be loaded; the process ends.
    case unusable(Failure)
    case finished(job: Int, StageTimes)
    case failed(job: Int, Failure)
    /// The job failed with a rank that is lost; the process ends.
    case spent(job: Int, Failure)
    /// Sent all the time, with the age of the last progress of what is being done, if anything is.
    case heartbeat(secondsSinceProgress: Double?)
}

extension Encodable {
    /// The message's bytes.
    ///
    /// - Returns: JSON
    /// - Throws: `EncodingError`
    func messageBody() throws -> [UInt8] { Array(try JSONEncoder().encode(self)) }
}

extension Decodable {
    /// Reads a message that someone with the key has sent.
    ///
    /// - Parameter body: JSON
    /// - Throws: `DecodingError`
    init(messageBody body: [UInt8]) throws { self = try JSONDecoder().decode(Self.self, from: Data(body)) }
}
