import Files
import Foundation
import Testing

/// Texts of files and clients are bytes: where they are cut, compared and shown, no character decides.
@Suite struct TextTests {
    /// Every scalar that a terminal obeys, and some that it must be left.
    @Test func showsWhatATerminalWouldObey() {
        let controls = (0..<0x20).map { UInt32($0) } + (0x7F..<0xA0).map { UInt32($0) }
        let turns: [UInt32] = [0x61C, 0x200E, 0x200F, 0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069]
        for value in controls + turns {
            let scalar = Unicode.Scalar(value)!
            let shown = "a\(scalar)b".onOneLine
            #expect(!shown.unicodeScalars.contains(scalar) && shown.hasPrefix("a\\"), "\(value)")
            #expect("a\(scalar)b".printable == (value == 9 || value == 10 ? "a\(scalar)b" : shown))
        }
        for text in ["", "plain", "it's 日本語 🙂 e\u{301} \u{1F468}\u{200D}\u{1F469}\u{FE0F} שלום \u{A0}"] {
            #expect(text.onOneLine == text)
            #expect(text.printable == text)
        }
        #expect("a\u{1B}[31m\r\n\u{9B}0m".onOneLine == #"a\u{1B}[31m\r\n\u{9B}0m"#)
        #expect("\u{1B}]0;x\u{7}".quoted == #""\u{1B}]0;x\u{7}""#)
    }

    @Test(arguments: ["a\nb\n", "a\nb", "a\r\nb\r\n", "a\r\nb", "\u{FEFF}a\nb", "\u{FEFF}a\r\nb\r\n", "a\nb\r"])
    func cutsAFileIntoLines(_ text: String) {
        #expect(Array(text.utf8).lines.map { String(decoding: $0, as: UTF8.self) } == ["a", "b"])
    }

    @Test func keepsWhatIsNoEndOfALine() {
        #expect([UInt8]().lines.isEmpty)
        #expect(Array("\n".utf8).lines.map(\.count) == [0])
        #expect(Array("a\n\n".utf8).lines.map(\.count) == [1, 0])
        let text = "a\u{2028}b\rc\u{FEFF}"
        #expect(Array(text.utf8).lines.map { String(decoding: $0, as: UTF8.self) } == [text])
    }

    @Test func readsJSONBehindAByteOrderMark() throws {
        var reader = StrictJSONReader(Array("\u{FEFF}{\r\n\"a\": 1}\r\n".utf8))
        #expect(try reader.value() == .object([.init(key: "a", value: .integer(1))]))
        try reader.end()
    }

    @Test(arguments: [("\u{E9}", "e\u{301}"), ("K", "\u{212A}"), ("\u{37E}", ";"), ("\u{1100}\u{1161}", "\u{AC00}")])
    func tellsEquivalentTextsApart(_ one: String, _ other: String) {
        #expect(one == other)
        #expect(ExactText(one) != ExactText(other))
        #expect(Set([ExactText(one), ExactText(other), ExactText(one)]).count == 2)
    }

    @Test(arguments: [
        ("a/b", "a/", "b"), ("b", "", "b"), ("/b", "/", "b"), ("a/", "a/", ""), ("a/\u{301}b", "a/", "\u{301}b"),
        ("a\u{301}/\u{200D}/x", "a\u{301}/\u{200D}/", "x"),
    ])
    func cutsAPathAtTheByte(_ path: String, _ folder: String, _ name: String) {
        #expect(ExactText(path.pathFolder) == ExactText(folder))
        #expect(ExactText(path.pathName) == ExactText(name))
    }

    @Test func knowsAFileName() {
        for name in ["a", "a.b", "...", "\u{301}", "..\u{301}", " "] { #expect(name.isFileName, "\(name)") }
        for name in ["", ".", "..", "/", "a/b", "a/\u{301}", "/\u{301}", "a\0"] { #expect(!name.isFileName, "\(name)") }
        #expect("../\u{301}x".pathNames.map(\.utf8.count) == [2, 3])
    }
}
