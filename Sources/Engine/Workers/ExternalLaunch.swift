/// This process's place among processes that torchrun or SLURM started, as their environment variables tell it.
package struct ExternalLaunch: Sendable, Equatable {
    /// Which of the processes this is: from 0 to ``worldSize`` - 1.
    package let rank: Int
    /// How many processes there are: at least 2.
    package let worldSize: Int
    /// Which of its host's processes this is, and so which of the host's devices it takes.
    package let localRank: Int
    /// Where rank 0 is met.
    package let masterAddress: String
    /// The port there.
    package let masterPort: Int

    /// Reads `RANK`, `WORLD_SIZE` and `LOCAL_RANK`, or else `SLURM_PROCID`, `SLURM_NTASKS` and `SLURM_LOCALID`, with
    /// `MASTER_ADDR` and `MASTER_PORT` (29500 if absent).
    ///
    /// - Parameter environment: the process's environment variables
    /// - Returns: nil for a process that was started by itself, or as the only one
    /// - Throws: ``ExternalLaunchError`` with everything that is wrong
    package static func read(_ environment: [String: String]) throws(ExternalLaunchError) -> ExternalLaunch? {
        var reader = LaunchVariables(environment)
        guard let names = Self.launchers.first(where: { environment[$0.rank] != nil && environment[$0.world] != nil })
        else {
            // SLURM sets its number of tasks in shells too; torchrun's variables come together.
            guard (environment["RANK"] == nil) == (environment["WORLD_SIZE"] == nil) else {
                throw ExternalLaunchError(problems: ["RANK and WORLD_SIZE are needed together"])
            }
            return nil
        }
        let world = reader.number(names.world, in: 1...65536)
        guard world != 1 else { return nil }
        let rank = reader.number(names.rank, in: 0...max(0, (world ?? 65536) - 1))
        let local =
            environment[names.local] == nil ? rank : reader.number(names.local, in: 0...max(0, (world ?? 65536) - 1))
        let port = environment["MASTER_PORT"] == nil ? 29500 : reader.number("MASTER_PORT", in: 1...65535)
        let address = reader.text("MASTER_ADDR", neededWith: names.world)
        guard reader.problems.isEmpty, let world, let rank, let local, let port, let address else {
            throw ExternalLaunchError(problems: reader.problems)
        }
        return ExternalLaunch(
            rank: rank, worldSize: world, localRank: local, masterAddress: address, masterPort: port)
    }

    private static let launchers = [
        (rank: "RANK", world: "WORLD_SIZE", local: "LOCAL_RANK"),
        (rank: "SLURM_PROCID", world: "SLURM_NTASKS", local: "SLURM_LOCALID"),
    ]
}

/// What is wrong with the variables of an external launch.
package struct ExternalLaunchError: Error, Equatable, CustomStringConvertible {
    /// Each a sentence that begins with the variable.
    package let problems: [String]

    /// - Parameter problems: at least one
    package init(problems: [String]) { self.problems = problems }

    package var description: String { problems.joined(separator: "; ") }
}

/// Environment variables, and what is wrong with those that were read.
private struct LaunchVariables {
    private let environment: [String: String]
    private(set) var problems: [String] = []

    init(_ environment: [String: String]) { self.environment = environment }

    mutating func number(_ name: String, in range: ClosedRange<Int>) -> Int? {
        let text = environment[name] ?? ""
        if let number = Int(text), range.contains(number) { return number }
        problems.append("\(name) is \(text); it must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        return nil
    }

    mutating func text(_ name: String, neededWith other: String) -> String? {
        if let text = environment[name], !text.isEmpty { return text }
        problems.append("\(name) is needed with \(other)")
        return nil
    }
}
