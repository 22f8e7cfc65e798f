internal import ArgumentParser
internal import Engine

/// `visualgen worker`.
struct Work: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker", abstract: "What an engine's worker processes run.", shouldDisplay: false)

    func run() async throws { try await WorkerProgram.run() }
}
