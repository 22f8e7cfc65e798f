internal import Files
internal import Foundation

/// The environment variables of the Python client, each read as that client reads it; an empty one counts as not set.
struct HubVariables {
    private let environment: [String: String]

    /// - Parameter environment: names and values
    init(_ environment: [String: String]) { self.environment = environment }

    /// - Parameter names: the newest spelling first
    /// - Returns: the first that is set, with its value
    func first(_ names: String...) -> (name: String, value: String)? {
        for name in names {
            if let value = environment[name], !value.isEmpty { return (name, value) }
        }
        return nil
    }

    /// - Parameter name: of a switch
    /// - Returns: whether it is on
    func isOn(_ name: String) -> Bool { first(name).map { Self.isOn($0.value) } ?? false }

    /// Whether a switch's value means on: all others mean off.
    static func isOn(_ value: String) -> Bool { ["1", "ON", "YES", "TRUE"].contains(value.uppercased()) }

    /// - Parameter name: of a time in whole seconds
    /// - Returns: nil where it is not set, or 0
    /// - Throws: ``HubError/invalidSeconds(variable:found:)``
    func seconds(_ name: String) throws(HubError) -> Duration? {
        guard let value = first(name)?.value else { return nil }
        guard let seconds = Int(value.trimmingCharacters(in: .whitespaces)), (0...1_000_000).contains(seconds) else {
            throw .invalidSeconds(variable: name, found: value)
        }
        return seconds == 0 ? nil : .seconds(seconds)
    }

    /// - Parameter names: the newest spelling first
    /// - Returns: the first that is set, as a whole path; nil where none is
    func path(_ names: String...) -> String? {
        for name in names {
            if let found = first(name) { return expanded(found.value) }
        }
        return nil
    }

    /// The whole path, with `~` and `$NAME` or `${NAME}` replaced; a name that is not set stays.
    func expanded(_ path: String) -> String {
        var text = path
        if path == "~" || path.hasPrefix("~/") {
            text = (environment["HOME"] ?? NSHomeDirectory()) + path.dropFirst()
        }
        text.replace(/\$(?:\{(?<braced>[^}]*)\}|(?<plain>[A-Za-z0-9_]+))/) { match in
            let name = match.output.braced ?? match.output.plain ?? ""
            return environment[String(name)] ?? String(match.output.0)
        }
        return text.hasPrefix("/") ? text : "\(FileManager.default.currentDirectoryPath)/\(text)"
    }
}
