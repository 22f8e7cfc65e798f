internal import Files

/// What a program or a person reads of a command.
enum StandardOutput {
    /// Prints a line, whoever wrote it: nothing in it reaches a terminal as a command.
    ///
    /// - Parameter line: its own line breaks are shown as `\n`
    static func print(_ line: String) { Swift.print(line.onOneLine) }

    /// Prints a text under its name; the lines behind the first are moved to the right, so that none is taken for what the
    /// program says.
    ///
    /// - Parameters:
    ///   - text: with its line breaks
    ///   - name: what stands before it
    static func print(_ text: String, under name: String) {
        let lines = Array(text.utf8).split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self).onOneLine
        }
        Swift.print("\(name): \(lines.joined(separator: "\n    "))")
    }

    /// Prints what the program itself laid out in lines, such as help.
    ///
    /// - Parameter text: with its line breaks
    static func print(page text: String) { Swift.print(text.printable) }
}
