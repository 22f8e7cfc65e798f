internal import Hub
internal import Testing

@Suite struct HubModelTests {
    @Test(arguments: ["black-forest-labs/FLUX.1-dev", "gpt2", "123", "Foo-BAR_foo.bar123", "_a_/b"])
    func takesAnId(_ id: String) throws {
        #expect(try HubModel(id).id == id)
        #expect(try HubModel(id).revision == "main")
    }

    @Test(arguments: [
        "", "/", "org/", "/name", "a/b/c", "./model", "../model", "/models/flux", "~/model", "org/.name", "org/name.",
        "-org/name", "org--x/name", "org/na..me", "name.git", "org/näme", "org/na me", "org/na\u{0}me", "org\\name",
        "org/" + String(repeating: "a", count: 97),
    ])
    func refusesWhatIsNoId(_ id: String) {
        #expect(throws: HubError.self) { try HubModel(id) }
    }

    @Test(arguments: ["main", "refs/pr/1", "v1.0-rc+2", String(repeating: "0a", count: 20)])
    func takesARevision(_ revision: String) throws {
        #expect(try HubModel("org/name", revision: revision).revision == revision)
    }

    @Test(arguments: ["", "/", "a//b", "/etc", "a/", "..", "a/../b", "a/.b", "a b", "a\nb", "a:b", "a\u{0}"])
    func refusesWhatIsNoRevision(_ revision: String) {
        #expect(throws: HubError.invalidRevision(revision)) { try HubModel("org/name", revision: revision) }
    }

    @Test func knowsACommit() throws {
        #expect(try HubModel("a/b", revision: String(repeating: "0a", count: 20)).namesCommit)
        #expect(try !HubModel("a/b", revision: String(repeating: "0A", count: 20)).namesCommit)
        #expect(try !HubModel("a/b", revision: "0123456").namesCommit)
    }
}
