package import Files

/// What went wrong with a job, in a form that crosses from a worker's process into the engine's.
package struct Failure: Error, Codable, Equatable {
    /// Whose fault it is.
    package let kind: Blame
    /// One sentence for a person, without anything that a terminal obeys.
    package let message: String

    package init(_ kind: Blame, _ message: String) {
        (self.kind, self.message) = (kind, message.cut())
    }

    /// - Parameter error: any error of this package's code
    package init(of error: any Error) {
        if let failure = error as? Failure {
            self = failure
        } else {
            let blame = (error as? any BlamedError)?.blame ?? (error is CancellationError ? .cancelled : .bug)
            self.init(blame, error.sentence.printable)
        }
    }
}

extension Failure: CustomStringConvertible {
    package var description: String { message }
}
