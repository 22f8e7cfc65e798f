internal import ArgumentParser
internal import Diffusion
internal import Foundation

/// The options of a subcommand, as the parser itself lists them.
struct OptionNames {
    /// The long names, without dashes.
    private let long: [String]
    /// How the options that take a value are typed.
    private let withValue: Set<String>

    /// - Parameter subcommand: as it is typed; for any other word there are no options
    init(of subcommand: String?) {
        let tool = try? JSONDecoder().decode(Tool.self, from: Data(VisualGenCommand._dumpHelp().utf8))
        let command = tool?.command.subcommands?.first { $0.commandName == subcommand }
        let options = command?.arguments ?? []
        long = options.flatMap { $0.names ?? [] }.filter { $0.kind == "long" }.map(\.name)
        withValue = Set(options.filter { $0.kind == "option" }.flatMap { $0.names ?? [] }.map(\.typed))
    }

    /// Whether the argument behind this one is its value.
    func takesValue(_ argument: String) -> Bool { withValue.contains(argument) }

    /// The parser's message about an option that it does not know, with a hint of ours: its own names what is far too.
    ///
    /// - Parameter message: any message of the parser
    /// - Returns: the message, changed if it is about an unknown long option
    func corrected(_ message: String) -> String {
        let beginning = "Unknown option '--"
        guard message.hasPrefix(beginning) else { return message }
        let name = message.dropFirst(beginning.count).prefix { $0 != "'" }
        let hint = String(name).nearest(of: long).map { ". Did you mean '--\($0)'?" } ?? ""
        return "\(beginning)\(name)'\(hint)"
    }

    private struct Tool: Decodable { let command: Command }

    private struct Command: Decodable {
        let commandName: String
        let subcommands: [Command]?
        let arguments: [Option]?
    }

    private struct Option: Decodable {
        let kind: String
        let names: [Name]?
    }

    private struct Name: Decodable {
        let kind, name: String

        var typed: String { (kind == "long" ? "--" : "-") + name }
    }
}
