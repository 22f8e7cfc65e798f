import Testing
import Tokenizers

@Suite struct GoldenTests {
    #if DEBUG
        /// Unoptimized code reads a part of the corpus, the same each time.
        private let step = 11
    #else
        private let step = 1
    #endif

    @Test(arguments: Golden.all) func givesTheReferencesIdsForTheCorpus(_ golden: Golden) throws {
        let tokenizer = try golden.tokenizer()
        let hashes = try golden.hashes()
        #expect(hashes.count == Golden.corpus.count / 10 && Golden.corpus.count.isMultiple(of: 10))
        var wrong: [ArraySlice<String>] = []
        for index in stride(from: 0, to: hashes.count, by: step) {
            let texts = Golden.corpus[10 * index..<10 * index + 10]
            let own = try texts.map { Golden.hash(try tokenizer.encode($0).map { UInt32(bitPattern: $0) }) }
            if Golden.hash(own) != hashes[index] { wrong.append(texts) }
        }
        #expect(wrong.isEmpty, "of \(wrong.count) tens of texts some differ, such as one of \(wrong.prefix(1))")
    }

    @Test(arguments: Golden.all) func agreesIdByIdOnTheFirstTexts(_ golden: Golden) throws {
        let tokenizer = try golden.tokenizer()
        for (text, ids) in zip(Golden.corpus, golden.ids) { #expect(try tokenizer.encode(text) == ids, "\(text)") }
    }

    @Test(arguments: Golden.all) func turnsIdsBackIntoTheReferencesText(_ golden: Golden) throws {
        let tokenizer = try golden.tokenizer()
        for (index, ids) in golden.ids.enumerated() {
            #expect(try Array(tokenizer.decode(ids).utf8) == Array(golden.decoded[index].utf8))
            let skipped = try tokenizer.decode(ids, skipSpecialTokens: true)
            #expect(Array(skipped.utf8) == Array(golden.skipped[index].utf8))
        }
    }

    @Test(arguments: Golden.all) func padsAndCutsLikeTheReference(_ golden: Golden) throws {
        let tokenizer = try golden.tokenizer()
        guard let padded = golden.padded else {
            #expect(throws: TokenizerError.noPaddingToken) {
                try tokenizer.encode(["a"], maxLength: 16, padding: .maxLength, truncation: .maxLength)
            }
            return
        }
        let texts = Array(Golden.corpus.prefix(padded.ids.count))
        let encodings = try tokenizer.encode(texts, maxLength: 16, padding: .maxLength, truncation: .maxLength)
        #expect(encodings.map(\.ids) == padded.ids)
        #expect(encodings.map(\.attentionMask) == padded.mask)
        #expect(encodings.map(\.untruncatedCount) == padded.lengths)
    }

    @Test(arguments: Golden.all.filter { $0.chats != nil })
    func cutsChatsAtTheirTokensLikeTheReference(_ golden: Golden) throws {
        let (tokenizer, chats) = (try golden.tokenizer(), try #require(golden.chats))
        #expect(try chats.texts.map { try tokenizer.encode($0) } == chats.ids)
        let bare = try tokenizer.encode(
            chats.texts, maxLength: 12, padding: .maxLength, truncation: .maxLength, addSpecialTokens: false)
        #expect(bare.map(\.ids) == chats.bare)
        #expect(bare.map(\.attentionMask) == chats.mask)
    }

    /// A class of its own name, a processor's, or none: all stages come from `tokenizer.json`.
    @Test(arguments: ["LlamaTokenizerFast", "PreTrainedTokenizerFast", "PixtralProcessor", nil])
    func takesMistralsTokenizerUnderEveryName(_ className: String?) throws {
        let golden = try #require(Golden.all.first { $0.folder == "tekken" })
        let tokenizer = try Tokenizer(folder: Golden.path("tekken"), className: className)
        #expect(try Golden.corpus.prefix(golden.ids.count).map { try tokenizer.encode($0) } == golden.ids)
        try tokenizer.require(["[INST]", "[/INST]", "[SYSTEM_PROMPT]", "[/SYSTEM_PROMPT]"], in: "tokenizer")
    }

    @Test(arguments: Golden.all) func knowsTheReferencesSpecialTokensAndSize(_ golden: Golden) throws {
        let tokenizer = try golden.tokenizer()
        #expect(tokenizer.vocabularySize == golden.count)
        for role in Tokenizer.Role.allCases { #expect(tokenizer.id(of: role) == golden.special[role.rawValue]) }
    }

    @Test(arguments: [
        (["clip-files", "clip-published"], "CLIPTokenizer"), (["clip", "clip-configured"], "CLIPTokenizer"),
        (["t5", "t5-pieces"], "T5Tokenizer"), (["umt5", "umt5-pieces"], "T5TokenizerFast"),
    ])
    func readsTheSameTokenizerFromEverySetOfFiles(_ folders: [String], _ className: String) throws {
        let tokenizers = try folders.map { try Tokenizer(folder: Golden.path($0), className: className) }
        // The published file alone looks for the start token in the lowercased text.
        for text in Golden.corpus.prefix(600) where !text.contains("<|START") {
            #expect(try Set(tokenizers.map { try $0.encode(text) }).count == 1, "\(text)")
        }
    }

    @Test func choosesTheClassByTheFilesWhenNobodyNamesIt() throws {
        let text = "A photograph of 3 cats"
        let folders = [("clip-files", "CLIPTokenizer"), ("t5-pieces", "T5Tokenizer"), ("clip", "CLIPTokenizerFast")]
        for (folder, name) in folders {
            let guessed = try Tokenizer(folder: Golden.path(folder))
            #expect(try guessed.encode(text) == Tokenizer(folder: Golden.path(folder), className: name).encode(text))
        }
    }
}
