internal import Foundation
internal import Hub
internal import Testing

@Suite struct RepositoryListingTests {
    private let commit = LoopbackHub.commit
    private let blob = String(repeating: "0a", count: 20)

    /// Asks a hub that lists its files so.
    private func read(_ json: String, revision: String = "main") async throws {
        let hub = try await LoopbackHub()
        hub.list(json)
        _ = try await hub.client().folder(of: .tiny(revision))
    }

    private func listing(of name: String) -> String {
        let quoted = String(decoding: try! JSONEncoder().encode(name), as: UTF8.self)
        return #"{"sha": "\#(commit)", "siblings": [{"rfilename": \#(quoted), "size": 1, "blobId": "\#(blob)"}]}"#
    }

    @Test(arguments: [
        "../x", "../\u{301}x", "a/../\u{200D}", "..\u{2F}\u{FE0F}/a", "/etc/passwd", "a/../../x", "a//b", "", "a/", ".",
        "./a", "a/.", "a\u{0}b",
        String(repeating: "a", count: 1025),
    ])
    func refusesANameThatCouldLeaveItsFolder(_ name: String) async {
        await #expect(throws: HubError.unsafeName(name)) { try await read(listing(of: name)) }
    }

    @Test(arguments: ["a.txt", "a/b/c.json", ".gitattributes", "a..b", "ü b"])
    func takesAnOrdinaryName(_ name: String) async throws {
        await #expect(throws: HubError.noPipeline(try .tiny(), found: [name])) { try await read(listing(of: name)) }
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"sha": "main", "siblings": []}"#, #"{"sha": "../../x", "siblings": []}"#,
        #"{"sha": "0123456789abcdef0123456789abcdef01234567"}"#,
        #"{"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [{"rfilename": "a", "size": 1}]}"#,
        """
        {"sha": "0123456789abcdef0123456789abcdef01234567",
         "siblings": [{"rfilename": "a", "size": 1, "blobId": "../../../../x"}]}
        """,
        """
        {"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [
         {"rfilename": "a", "size": -1, "blobId": "0123456789abcdef0123456789abcdef01234567"}]}
        """,
        """
        {"sha": "0123456789abcdef0123456789abcdef01234567", "siblings": [
         {"rfilename": "a", "lfs": {"sha256": "12", "size": 9223372036854775807}}]}
        """,
    ])
    func refusesAnAnswerThatIsNoListing(_ json: String) async {
        let error = await #expect(throws: HubError.self) { try await read(json) }
        #expect(error?.description.hasPrefix("the hub's listing of org/tiny (revision main) cannot be used") == true)
    }

    @Test func refusesTooManyFiles() async {
        let entry = #"{"rfilename": "a", "size": 1, "blobId": "\#(blob)"}"#
        let entries = Array(repeating: entry, count: 20_001).joined(separator: ",")
        let error = await #expect(throws: HubError.self) {
            try await read(#"{"sha": "\#(commit)", "siblings": [\#(entries)]}"#)
        }
        #expect(error?.description.contains("20001 files, at most 20000") == true)
    }

    @Test func refusesAnAnswerThatIsTooLong() async {
        let error = await #expect(throws: HubError.self) { try await read(String(repeating: " ", count: 33 << 20)) }
        #expect(error?.description.contains("more than 33554432 bytes") == true)
    }

    @Test func refusesAnotherCommitThanTheOneAskedFor() async {
        let error = await #expect(throws: HubError.self) { try await read(listing(of: "a"), revision: blob) }
        #expect(error != nil)
    }
}
