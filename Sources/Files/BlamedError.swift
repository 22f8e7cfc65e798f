/// An error that knows whose fault it is.
package protocol BlamedError: Error {
    /// Whose fault it is.
    var blame: Blame { get }
}

/// Whose fault an error is, which decides what becomes of a job, a program's status and a server's answer.
package enum Blame: String, Codable, Sendable {
    /// The request cannot be served as it is.
    case request
    /// A checker of the operator's does not allow the request, or what was made of it.
    case blocked
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
