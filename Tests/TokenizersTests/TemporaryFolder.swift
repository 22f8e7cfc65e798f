import Foundation
import Tokenizers

/// A folder that lives as long as the value.
final class TemporaryFolder {
    let path: String

    init(_ files: [String: Data]) throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("tokenizers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
        for (name, data) in files { try data.write(to: url.appendingPathComponent(name)) }
    }

    convenience init(_ files: [String: String]) throws {
        try self.init(files.mapValues { Data($0.utf8) })
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func tokenizer(_ className: String? = nil) throws -> Tokenizer {
        try Tokenizer(folder: path, className: className)
    }
}

extension Tokenizer {
    /// A tokenizer from the text of its `tokenizer.json`.
    static func read(_ json: String, className: String? = "TokenizersBackend") throws -> Tokenizer {
        try TemporaryFolder(["tokenizer.json": json]).tokenizer(className)
    }
}

/// The words that reach the model: a vocabulary of single characters, marked at the end of a word, shows their borders.
struct WordProbe {
    private static let alphabet =
        (0x20..<0x250).compactMap { Unicode.Scalar($0) }
        + Array("\u{300}\u{301}\u{308}▁ĠĊΑΒαβσςдД字あがガｶﾞ가각😀👍ﬁⅧ①,。、".unicodeScalars)

    private let tokenizer: Tokenizer

    init(normalizer: String = "null", preTokenizer: String = "null", added: String = "[]") throws {
        let characters = Array(Set(Self.alphabet.map { String($0) }.filter { $0 != "\"" && $0 != "\\" })).sorted {
            $0.unicodeScalars.first!.value < $1.unicodeScalars.first!.value
        }
        let tokens = characters + characters.map { $0 + "</w>" }
        let vocabulary = tokens.enumerated().map { "\"\($1)\":\($0)" }.joined(separator: ",")
        tokenizer = try .read(
            """
            {"added_tokens": \(added), "normalizer": \(normalizer), "pre_tokenizer": \(preTokenizer),
             "model": {"type": "BPE", "vocab": {\(vocabulary)}, "merges": [], "end_of_word_suffix": "</w>"}}
            """)
    }

    func callAsFunction(_ text: String) throws -> [String] {
        let text = try tokenizer.encode(text).map { try tokenizer.decode([$0]) }.joined(separator: "\u{0}")
        var words: [String] = []
        for token in text.split(separator: "\u{0}", omittingEmptySubsequences: true) {
            if words.isEmpty || words[words.count - 1].hasSuffix("</w>") { words.append("") }
            words[words.count - 1].unicodeScalars.append(contentsOf: token.unicodeScalars)
        }
        return words.map { $0.replacingOccurrences(of: "</w>", with: "") }
    }
}
