import Foundation
import Testing
import Tokenizers

/// What the reference made of the corpus with one folder's tokenizer.
struct Golden: Decodable, CustomTestStringConvertible, Sendable {
    struct Padded: Decodable, Sendable {
        let ids: [[Int32]]
        let mask: [[Int32]]
        let lengths: [Int]
    }

    /// Texts whose added tokens cut them, and their ids; then padded and cut to 12, without special tokens.
    struct Chats: Decodable, Sendable {
        let texts: [String]
        let ids, bare, mask: [[Int32]]
    }

    let folder: String
    let className: String
    /// How many tokens the reference says there are.
    let count: Int
    /// The ids of the first texts.
    let ids: [[Int32]]
    /// The first texts once more, padded and cut to 16.
    let padded: Padded?
    /// Token ids by role.
    let special: [String: Int32]
    /// The ids turned back to text.
    let decoded: [String]
    /// The same without special tokens.
    let skipped: [String]
    /// Rendered chats, for tokenizers that have tokens for them.
    let chats: Chats?

    enum CodingKeys: String, CodingKey {
        case folder, ids, padded, special, decoded, skipped, count, chats
        case className = "class"
    }

    var testDescription: String { "\(folder) as \(className)" }

    func tokenizer() throws -> Tokenizer {
        try Tokenizer(folder: Golden.path(folder), className: className)
    }

    /// For every ten texts the ``hash(_:)`` of the hashes of their ids.
    func hashes() throws -> [UInt32] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Golden.path("\(folder).\(className).fnv")))
        return stride(from: 0, to: data.count, by: 4).map { start in
            data[start..<start + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
        }
    }

    static let all: [Golden] =
        decode("cases.json") + (decode("umt5-cases.json") as [Golden])
        + (decode("byte-level-cases.json") as [Golden])
    static let corpus: [String] = decode("corpus.json")

    static func path(_ name: String) -> String { Bundle.module.bundlePath + "/Resources/" + name }

    /// The lower half of FNV-1a of 32-bit numbers, the lowest byte of each first.
    static func hash(_ numbers: [UInt32]) -> UInt32 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for number in numbers {
            for shift in stride(from: 0, to: 32, by: 8) {
                hash = (hash ^ UInt64(number >> UInt32(shift) & 0xFF)) &* 0x100_0000_01B3
            }
        }
        return UInt32(truncatingIfNeeded: hash)
    }

    private static func decode<Value: Decodable>(_ name: String) -> Value {
        do {
            return try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: path(name))))
        } catch {
            fatalError("\(name): \(error)")
        }
    }
}
