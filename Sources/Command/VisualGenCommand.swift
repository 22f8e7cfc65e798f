internal import ArgumentParser
internal import Glibc

/// `visualgen`.
@main
struct VisualGenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "visualgen",
        abstract: "Images and videos from diffusion transformers.",
        subcommands: [Generate.self, Serve.self, Inspect.self, Quantize.self, Bench.self, Key.self, Work.self])

    /// Runs a subcommand; an error becomes one sentence and its exit status.
    static func main() async {
        // A file past the limit on files' size is then an error of the write instead of the end of the process.
        signal(SIGXFSZ, SIG_IGN)
        do {
            var command = try parseAsRoot(ArgumentBytes.separated(Array(CommandLine.arguments.dropFirst())))
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            ExitStatus.end(.success)
        } catch {
            ExitStatus.exit(reporting: error, from: Self.self)
        }
    }
}
