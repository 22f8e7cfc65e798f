import Testing
import Tokenizers

@Suite struct AddedTokenTests {
    private func words(_ text: String, _ flags: String, normalizer: String = "null") throws -> [String] {
        let added = #"[{"id": 5000, "content": "<x>", \#(flags)}]"#
        return try WordProbe(normalizer: normalizer, added: added)(text)
    }

    @Test func takesBlanksWithItAsTheFlagsSay() throws {
        let end = #""normalized": false, "special": true"#
        #expect(try words("a <x> b", #""lstrip": false, "rstrip": false, \#(end)"#) == ["a ", "<x> b"])
        #expect(try words("a <x> b", #""lstrip": true, "rstrip": false, \#(end)"#) == ["a", "<x> b"])
        #expect(try words("a <x> b", #""lstrip": true, "rstrip": true, \#(end)"#) == ["a", "<x>b"])
    }

    @Test func countsOnlyBetweenWordsWhenItIsASingleWord() throws {
        let flags = #""single_word": true, "normalized": false, "special": true"#
        #expect(try words("b <x>", flags) == ["b ", "<x>"])
        #expect(try words("b<x>", flags) == ["b<x>"])
    }

    @Test func isLookedForInNormalizedTextWhenItIsNormalized() throws {
        let lowercase = #"{"type": "Lowercase"}"#
        let normalized = #""normalized": true, "special": false"#
        #expect(try words("A<X>", normalized, normalizer: lowercase) == ["a", "<x>"])
        #expect(try words("A<X>", #""normalized": false, "special": true"#, normalizer: lowercase) == ["a<x>"])
    }

    @Test func keepsItsNumberOrGetsTheNextFree() throws {
        let model = #""model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}"#
        let tokenizer = try Tokenizer.read(
            #"{"added_tokens": [{"id": 1, "content": "b"}, {"id": 9, "content": "new"}], \#(model)}"#)
        #expect(tokenizer.id(of: "b") == 1)
        #expect(tokenizer.id(of: "new") == 2)
        #expect(tokenizer.vocabularySize == 3)
        #expect(tokenizer.id(of: "other") == nil)
    }
}

@Suite struct PostProcessorTests {
    private func encode(_ processor: String, specials: Bool = true) throws -> [Int32] {
        let vocabulary = #""a": 0, "<s>": 1, "</s>": 2"#
        return try Tokenizer.read(
            #"{"post_processor": \#(processor), "model": {"type": "BPE", "vocab": {\#(vocabulary)}, "merges": []}}"#
        ).encode("a", addSpecialTokens: specials)
    }

    private let roberta = #"{"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": true}"#
    private let template = """
        {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}},
         {"SpecialToken": {"id": "end", "type_id": 0}}],
         "special_tokens": {"end": {"id": "end", "ids": [2, 1], "tokens": ["</s>", "<s>"]}}}
        """

    @Test func putsATextBetweenItsMarks() throws {
        #expect(try encode(roberta) == [1, 0, 2])
        #expect(try encode(template) == [0, 2, 1])
        #expect(try encode(#"{"type": "Sequence", "processors": [{"type": "ByteLevel"}, \#(template)]}"#) == [0, 2, 1])
    }

    @Test func leavesTheMarksOutWhenNobodyWantsThem() throws {
        #expect(try encode(roberta, specials: false) == [0])
        #expect(try encode(template, specials: false) == [0])
    }

    @Test func refusesATemplateWithoutItsTokens() throws {
        let single = #"[{"SpecialToken": {"id": "x"}}]"#
        #expect(throws: TokenizerError.self) {
            try encode(#"{"type": "TemplateProcessing", "single": \#(single), "special_tokens": {}}"#)
        }
    }
}
