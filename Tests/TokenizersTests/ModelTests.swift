import Testing
import Tokenizers

@Suite struct ModelTests {
    private func bpe(_ vocabulary: String, merges: String = "", _ options: String = "") throws -> Tokenizer {
        try .read(
            #"{"model": {"type": "BPE", "vocab": {\#(vocabulary)}, "merges": [\#(merges)]\#(options)}}"#)
    }

    private func unigram(_ pieces: String, _ options: String = "") throws -> Tokenizer {
        try .read(#"{"model": {"type": "Unigram", "vocab": [\#(pieces)]\#(options)}}"#)
    }

    @Test func mergesTheBestPairFirstAndTheLeftmostOfEquals() throws {
        let letters = #""a":0,"b":1,"c":2,"ab":3,"bc":4,"abc":5,"aa":6"#
        #expect(try bpe(letters, merges: #""b c","a b""#).encode("abc") == [0, 4])
        #expect(try bpe(letters, merges: #"["a","b"],["b","c"],["ab","c"]"#).encode("abc") == [5])
        #expect(try bpe(letters, merges: #""a a""#).encode("aaa") == [6, 0])
    }

    @Test func takesAWholeTokenWhenMergesAreIgnored() throws {
        #expect(try bpe(#""a":0,"b":1,"ab":2"#, #","ignore_merges": true"#).encode("ab") == [2])
        #expect(try bpe(#""a":0,"b":1,"ab":2"#).encode("ab") == [0, 1])
    }

    @Test func marksInnerSymbolsAndTheEndOfAWord() throws {
        let vocabulary = #""a":0,"~~b":1,"b":2,"a~~b":3,"ab":4,"b</w>":5"#
        #expect(try bpe(vocabulary, merges: #""a ~~b""#, #","continuing_subword_prefix": "~~""#).encode("ab") == [4])
        #expect(try bpe(vocabulary, #","end_of_word_suffix": "</w>""#).encode("ab") == [0, 5])
    }

    @Test func standsInForWhatIsUnknown() throws {
        let vocabulary = #""a":0,"?":1,"<0xC3>":2,"<0xA9>":3"#
        #expect(try bpe(vocabulary).encode("aéé") == [0])
        #expect(try bpe(vocabulary, #","unk_token": "?""#).encode("aéé") == [0, 1, 1])
        #expect(try bpe(vocabulary, #","unk_token": "?","fuse_unk": true"#).encode("aéé") == [0, 1])
        #expect(try bpe(vocabulary, #","unk_token": "?","byte_fallback": true"#).encode("éx") == [2, 3, 1])
        #expect(throws: TokenizerError.unknownToken("é")) { try bpe(vocabulary, #","unk_token": "!""#).encode("é") }
    }

    @Test func findsThePiecesWithTheBestSum() throws {
        let pieces = #"["?",0],["a",-1],["b",-1],["ab",-3],["abc",-0.5]"#
        #expect(try unigram(pieces, #","unk_id": 0"#).encode("ab") == [1, 2])
        #expect(try unigram(pieces, #","unk_id": 0"#).encode("abc") == [4])
        #expect(try unigram(pieces, #","unk_id": 0"#).encode("axyb") == [1, 0, 2])
        #expect(throws: TokenizerError.unknownToken("x")) { try unigram(pieces).encode("x") }
    }

    @Test func fallsBackToBytes() throws {
        let pieces = #"["?",0],["<0xC3>",-9],["<0xA9>",-9]"#
        #expect(try unigram(pieces, #","unk_id": 0,"byte_fallback": true"#).encode("é") == [1, 2])
        #expect(try unigram(pieces, #","unk_id": 0,"byte_fallback": true"#).encode("è") == [0])
    }

    /// A quadratic merge or search would take minutes for these.
    @Test(.timeLimit(.minutes(1))) func takesWordsWithoutEndInTheirStride() throws {
        #if DEBUG
            let count = 20_000
        #else
            let count = 400_000
        #endif
        let clip = try Tokenizer(folder: Golden.path("clip"), className: "CLIPTokenizer")
        let t5 = try Tokenizer(folder: Golden.path("t5"), className: "T5Tokenizer")
        for word in ["a", "photo", "字", "\u{301}", "😀", " ", "\n", "!", "A\u{308}", "<extra_id_0", "<|startoftext|"] {
            let text = String(repeating: word, count: count / word.utf8.count)
            #expect(try clip.encode([text], maxLength: 77, truncation: .maxLength)[0].ids.count <= 77)
            #expect(try t5.encode(text).last == 1)
        }
    }
}
