internal import ArgumentParser
internal import Files
internal import Server

/// `visualgen key`.
struct Key: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a key for visualgen serve.",
        discussion: "The key goes to standard error, once. The line for the file of keys goes to standard output; "
            + "expires=2027-01-31 and priority=low, normal or high may be added to it.")

    @Argument(help: "Whose key it is.")
    var name: String

    @Option(name: .long, help: "What it is for: images, videos or metrics; images and videos if absent.")
    var scope: [Scope] = []

    func validate() throws {
        if name.isEmpty || name.unicodeScalars.contains(where: { $0.properties.isWhitespace || $0.isCommand })
            || name.unicodeScalars.first == "#"
        {
            throw ValidationError("name is \(name); it must be one word that does not begin with #")
        }
    }

    func run() {
        let (key, line) = APIKey.new(name: name, scopes: scope)
        StandardError.write("\(key)\n")
        StandardOutput.print(line)
    }
}

extension Scope: ExpressibleByArgument {}
