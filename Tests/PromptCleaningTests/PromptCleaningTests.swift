import Foundation
import PromptCleaning
import Testing

/// A text, and what the reference makes of it.
private struct Golden<Result: Decodable>: Decodable {
    let text: String
    let expected: Result

    init(from decoder: any Decoder) throws {
        var values = try decoder.unkeyedContainer()
        (text, expected) = (try values.decode(String.self), try values.decode(Result.self))
    }

    static func all(_ name: String) throws -> [Golden] {
        let path = "\(Bundle.module.bundlePath)/Resources/\(name).json"
        return try JSONDecoder().decode([Golden].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }
}

@Suite struct PromptCleaningTests {
    @Test func makesOfEveryTextWhatTheReferenceDoes() throws {
        let goldens = try Golden<String>.all("prompts")
        #expect(goldens.count == 3000)
        for golden in goldens {
            let cleaned = PromptCleaning.clean(golden.text)
            #expect(Array(cleaned.utf8) == Array(golden.expected.utf8), "of \(golden.text.debugDescription)")
        }
    }

    @Test func suspectsTheTextsThatTheReferenceSuspects() throws {
        let goldens = try Golden<Bool>.all("mojibake")
        #expect(goldens.contains { $0.expected } && goldens.contains { !$0.expected })
        for golden in goldens {
            #expect(PromptCleaning.looksMisread(golden.text) == golden.expected, "\(golden.text.debugDescription)")
        }
    }

    @Test(arguments: [
        ("a  quiet\tharbour\n\nat dawn ", "a quiet harbour at dawn"), ("", ""), (" \u{3000}\u{1C}", ""),
        ("sÃ³lo cafÃ©", "sólo café"), ("РїСЂРёРІРµС‚", "привет"), ("‚Äúquoted‚Äù", "\"quoted\""),
        ("“curly” ‘quotes’", "\"curly\" 'quotes'"), ("ﬁne ＴＥＸＴ ｶﾞ", "fine TEXT ガ"),
        ("R&amp;amp;D &copy 2020", "R&D © 2020"), ("P&EACUTE;REZ", "PÉREZ"),
        ("&#128;&#0;&#x110000;|", "€\u{FFFD}\u{FFFD}|"),
        ("\u{1B}[36mblue\u{1B}[0m", "blue"), ("a\u{FEFF}b\u{7}c", "abc"), ("e\u{301}", "é"),
    ])
    func cleans(_ text: String, _ expected: String) {
        #expect(Array(PromptCleaning.clean(text).unicodeScalars) == Array(expected.unicodeScalars))
    }

    /// What was decoded may not make the text look like HTML to the lines after it.
    @Test func leavesEntitiesToTheSecondStageFromTheFirstTagOn() {
        #expect(PromptCleaning.clean("&EACUTE;\n<b>&EACUTE;\n&EACUTE;") == "É <b>&EACUTE; &EACUTE;")
        #expect(PromptCleaning.clean("&lt;b&gt;\n&EACUTE;") == "<b> É")
    }

    /// Kelvin's sign equals the letter K by Unicode's rules, but names no entity.
    @Test func comparesNamesOfEntitiesByCodePoint() {
        #expect(PromptCleaning.clean("&\u{212A}appa") == "&Kappa")
    }

    @Test(.timeLimit(.minutes(1))) func isNotHeldUpByEntitiesWithinEntities() {
        let text = "&" + String(repeating: "amp;", count: 20_000)
        #expect(PromptCleaning.clean(text).hasPrefix("&amp;amp;"))
    }

    /// A line of more than a million scalars is cut there, even in the midst of a misread letter.
    @Test func cleansALongLineInParts() {
        let part = String(repeating: "a", count: 999_999)
        #expect(PromptCleaning.clean("\(part)Ã©").hasSuffix("aÃ©"))
        #expect(PromptCleaning.clean("\(part)\nÃ©").hasSuffix("a é"))
    }
}
