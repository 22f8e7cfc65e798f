import Foundation
import Testing
import Tokenizers

@Suite struct ChatTemplateTests {
    private func render(_ template: String, _ variables: [String: TemplateValue] = [:]) throws -> String {
        try ChatTemplate(template, file: "test").render([ChatMessage(.user, "a cat")], variables)
    }

    /// How many damaged templates of each kind are tried.
    private static let damages = ProcessInfo.processInfo.environment["VISUALGEN_TEST_ALL"] == nil ? 400 : 20_000

    private func fault(_ template: String) throws -> (line: Int, fault: TemplateFault) {
        let error = try #require(throws: TokenizerError.self) { try render(template) }
        guard case .template("test", let line, let fault) = error else { throw error }
        #expect(!"\(error)".isEmpty)
        return (line, fault)
    }

    @Test(arguments: ChatGolden.all) func rendersAsTheReferenceDoes(_ golden: ChatGolden) throws {
        #expect(ChatGolden.chats.count == 200 && golden.hashes.count == 200 && golden.texts.count == 20)
        let template = try ChatTemplate(golden.template, file: golden.name)
        for (number, chat) in ChatGolden.chats.enumerated() {
            let variables = chat.variables.merging(ChatGolden.specials) { $1 }.merging(["messages": chat.messages]) {
                $1
            }
            if golden.refused.contains(number) {
                #expect(throws: TokenizerError.self, "chat \(number)") { try template.render(variables) }
                continue
            }
            let text = try template.render(variables)
            if number < golden.texts.count { #expect(text == golden.texts[number], "chat \(number)") }
            #expect(ChatGolden.hash(text) == golden.hashes[number], "chat \(number): \(text)")
        }
    }

    @Test func rendersMessagesAsTextAndAsParts() throws {
        let template = try ChatTemplate(
            "{% for m in messages %}{{ m.role }}:{% if m.content is string %}{{ m.content }}{% else %}"
                + "{% for part in m.content %}<{{ part.type }} {{ part.text }}>{% endfor %}{% endif %};{% endfor %}",
            file: "test")
        let messages = [
            ChatMessage(.system, "s"), ChatMessage(.user, parts: [.image, .text("u")]), ChatMessage(.assistant, "a"),
        ]
        #expect(try template.render(messages) == "system:s;user:<image ><text u>;assistant:a;")
    }

    @Test(arguments: [
        ("{% macro f() %}{% endmacro %}", "{% macro %}"), ("{% include 'x' %}", "{% include %}"),
        ("{{ 'a' | title }}", "the filter title"), ("{{ 1 is callable }}", "the test callable"),
        ("{{ 'a'.center(3) }}", "the method .center() of a string"), ("{{ cycler(1) }}", "the function cycler()"),
        ("{{ [1] }}", "a list as text"), ("{% for x in y recursive %}{% endfor %}", "a recursive loop"),
        ("{{ f(*x) }}", "* in a call"), ("{{ 2 ** 3 }}", "2 ** 3"),
        ("{{ 99999999999999999999 }}", "a number this large"),
        ("{{ 4611686018427387904 * 2 }}", "a number this large"), ("{{ '\\101' }}", "the escape \\1"),
        ("{{ messages | tojson(sort_keys=true) }}", "the argument sort_keys of tojson"),
    ])
    func namesWhatItDoesNotHaveAndTheLine(_ template: String, _ name: String) throws {
        let (line, fault) = try fault("text\n\n" + template)
        #expect(line == 3 && fault == .unsupported(name), "\(fault)")
    }

    @Test(arguments: [
        "{{ x.y }}", "{{ 'a' + 1 }}", "{{ 1 / 0 }}", "{{ 1 % 0 }}", "{{ none < 1 }}", "{{ 1 in 2 }}",
        "{{ 5 | length }}",
        "{% for a, b in [1] %}{% endfor %}", "{% set messages.x = 1 %}", "{{ messages() }}", "{{ x() }}",
        "{{ 'a'['b':] }}",
        "{{ 'a'.split('') }}", "{{ raise_exception('no') }}", "{% if %}{% endif %}", "{% if true %}", "{{ (1 }}",
        "{{ 1",
        "{% endif %}", "{{ 'a }}", "{# a", "{% for %}", "{{ a b }}", "{{ }}", "{{ 1 + }}", "{{ a[ }}", "{{ a[] }}",
        "{{ ] }}",
        "{% set %}", "{% break", "{% nothing %}", "{{ f(a=1, 2) }}", "{{ $ }}", "{{ 1 is odd is even }}",
        "{{ {1: 2} }}",
        "{{ 'x' | int | tojson | length | join }}", "{{ 5 | items }}", "{{ range(1, 9, 0) }}", "{{ '\\ud800' }}",
    ])
    func refusesWithASentence(_ template: String) throws {
        let fault = try fault(template).fault
        #expect(!"\(fault)".isEmpty)
    }

    @Test func tellsWhatTheTemplateItselfRefuses() throws {
        #expect(try fault("\n{{ raise_exception('Nein: ' + messages[0].role) }}") == (2, .raised("Nein: user")))
    }

    private static func nested(_ open: String, _ inner: String, _ close: String, _ count: Int = 100_000) -> String {
        String(repeating: open, count: count) + inner + String(repeating: close, count: count)
    }

    private static let inner = "{% set l = [range(99999) | list] %}"

    @Test(arguments: [
        inner + "{% for i in range(99999) %}{% if l == l %}{% endif %}{% endfor %}",
        inner + "{% for i in range(99999) %}{% if l[0] in l %}{% endif %}{% endfor %}",
        inner + "{% for i in range(99999) %}{% set a = l[0] | select('none') | list %}{% endfor %}",
        "{% set a = 'ab' * 99999 %}{% for i in range(99999) %}{{ a[1] }}{{ a | length }}{% endfor %}",
        "{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}",
        "{% set ns = namespace(t='aaaaaaaaaaaaaaaa') %}{% for i in range(100) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        "{% set ns = namespace(t=[1, 2]) %}{% for i in range(100) %}{% set ns.t = ns.t + ns.t %}{% endfor %}",
        "{% set ns = namespace(t=1) %}{% for i in range(90000) %}{% set ns.t = [ns.t] %}{% endfor %}",
        "{% set ns = namespace(t=1) %}{% for i in range(90000) %}{% set ns.t = {'a': ns.t} %}{% endfor %}",
        "{{ 'ab' * 4000000000000000000 }}", "{{ 'ab' * 4000000000000000001 * 9 }}", "{{ range(100000000) | length }}",
        "{% for i in range(99999) %}{{ 'a long text, printed again and again and again' * 99 }}{% endfor %}",
        "{% set a = 'ab' * 999999 %}{{ a.split('b') | join(a) }}", "{% set a = 'a' * 999999 %}{{ a in a + 'b' }}",
        "{% set a = 'a' * 9999999 %}{{ a.replace('aaaaaaaaab', 'c') }}",
        "{{ range(99999) | map('string') | join(',' * 99999) }}",
        nested("{% if true %}", "", "{% endif %}"), "{{ " + nested("(", "1", ")") + " }}",
        "{{ " + nested("[", "", "]") + " }}",
        "{{ " + nested("-", "1", "") + " }}", "{{ " + nested("not ", "1", "") + " }}",
        "{{ 1" + nested(" + 1", "", "") + " }}",
        "{{ a" + nested(".b", "", "") + " }}", "{{ a" + nested("|trim", "", "") + " }}",
        "{{ 1" + nested(" if 1 else 2", "", "") + " }}",
        "{{ " + nested("{'a':", "1", "}") + " }}", "{{ f" + nested("(1)", "", "") + " }}",
        nested("{% for a in b %}", "", "{% endfor %}"),
    ])
    func neitherHangsNorOverflows(_ template: String) throws {
        switch try fault(template).fault {
        case .exhausted, .tooLarge: break
        case let other: Issue.record("\(other)")
        }
    }

    /// Pieces of templates put together at random: each must render, or be refused.
    @Test(arguments: ChatGolden.all) func isDamagedAnywhereAndDoesNotTrap(_ golden: ChatGolden) throws {
        let scalars = Array(golden.template.unicodeScalars)
        let pieces = [
            "{{", "}}", "{%", "%}", "-", "'", "(", ")", "[::-1]", ".x", "|length", " is ", "not ", "99999", "\\", ":",
        ]
        var state: UInt64 = 7
        func next(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        var rendered = 0
        for _ in 0..<Self.damages {
            var damaged = scalars
            for _ in 0...next(3) {
                let place = next(damaged.count)
                switch next(3) {
                case 0: damaged.removeSubrange(place..<min(place + 1 + next(9), damaged.count))
                case 1: damaged.insert(contentsOf: Array(pieces[next(pieces.count)].unicodeScalars), at: place)
                default: damaged.swapAt(place, next(damaged.count))
                }
            }
            let chat = ChatGolden.chats[next(ChatGolden.chats.count)]
            let template = try? ChatTemplate(String(String.UnicodeScalarView(damaged)), file: "test")
            let variables = chat.variables.merging(["messages": chat.messages]) { $1 }
            if (try? template?.render(variables)) != nil { rendered += 1 }
        }
        #expect(rendered > 0 && rendered < Self.damages)
    }

    @Test func refusesATemplateThatIsNoneByItsLength() {
        #expect(throws: TokenizerError.self) { try ChatTemplate(String(repeating: " ", count: 1 << 21), file: "test") }
    }
}
