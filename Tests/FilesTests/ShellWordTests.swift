import Files
import Foundation
import Testing

/// Words for a shell are held against shells.
@Suite struct ShellWordTests {
    /// What a shell makes of words.
    private func read(_ words: [String], by shell: String) throws -> [[UInt8]] {
        let script = FileManager.default.temporaryDirectory.appendingPathComponent("words-\(UUID()).sh")
        defer { try? FileManager.default.removeItem(at: script) }
        try Data("printf '%s\\0' \(words.joined(separator: " "))\n".utf8).write(to: script)
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: shell)
        process.arguments = [script.path]
        process.standardOutput = output
        try process.run()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return data.split(separator: 0, omittingEmptySubsequences: false).dropLast().map { [UInt8]($0) }
    }

    private func expectBack(_ texts: [String]) throws {
        let words = try texts.map { try #require($0.shellWord) }
        for shell in ["/bin/bash", "/bin/dash"] where FileManager.default.isExecutableFile(atPath: shell) {
            let found = try read(words, by: shell)
            #expect(found.count == texts.count, "\(shell)")
            for (text, bytes) in zip(texts, found) { #expect(bytes == Array(text.utf8), "\(shell): \(text.onOneLine)") }
        }
        for word in words {
            let commands = word.unicodeScalars.filter(\.isCommand)
            #expect(commands.allSatisfy { $0 == "\n" })
            // A line behind the first begins with the apostrophe that ends the word.
            for line in word.utf8.split(separator: 0x0A, omittingEmptySubsequences: false).dropFirst() {
                #expect(line.isEmpty || line.elementsEqual("'".utf8), "\(word)")
            }
        }
    }

    @Test func aTextComesBackByteForByte() throws {
        try expectBack([
            "fox'\u{301}; touch pwned; : '\u{301}", "--prompt=fox'\u{301}; touch pwned; : '\u{301}", "", "'", "''",
            "=ls",
            "a'\u{200D}b", "$(touch pwned)", "`touch pwned`", "a\u{1B}]0;title\u{7}b", "a\r\nb", "\r", "\n", "\n\n",
            "a\n",
            "a\n\nb\n", "--prompt=\n", "-n", "\u{1B}-n", "%s%d%%", "\\033 \\n \\c", "!!", "\u{1B}!!'\\", "~", "~root",
            "*?[a]{b,c}",
            "\u{9B}31m", "\u{202E}abc", "e\u{301}\t\u{301}", "日本語 🙂", "\u{7F}1", "\u{1}777", "--x=\u{301}",
        ])
    }

    @Test func soDoTextsOfChance() throws {
        let pool =
            Array("abz09 '\"\\$`!%#~=-_./:,;&|<>()[]{}*?^@+\n\r\t".unicodeScalars)
            + (1..<0x20).map { Unicode.Scalar(UInt8($0)) } + (0x7F..<0xA0).map { Unicode.Scalar(UInt8($0)) }
            + "\u{301}\u{200D}\u{FE0F}\u{202E}\u{2066}\u{2028}\u{E9}\u{1F600}\u{AC00}\u{10FFFF}\u{FEFF}".unicodeScalars
        var generator = Generator(state: 18)
        let texts = (0..<3000).map { _ in
            let length = Int.random(in: 0...12, using: &generator)
            let scalars = (0..<length).compactMap { _ in pool.randomElement(using: &generator) }
            return String(String.UnicodeScalarView(scalars))
        }
        try expectBack(texts)
    }

    @Test func noWordHoldsNUL() {
        #expect("a\0b".shellWord == nil)
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 29
        }
    }
}
