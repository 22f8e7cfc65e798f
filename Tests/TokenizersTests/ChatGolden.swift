import Files
import Foundation
import Testing
import Tokenizers

/// What the reference rendered with one template.
struct ChatGolden: Sendable, CustomTestStringConvertible {
    /// A chat: messages and the template's other variables.
    struct Chat: Sendable {
        let messages: TemplateValue
        let variables: [String: TemplateValue]
    }

    let name: String
    let template: String
    /// Which chats the reference does not render.
    let refused: Set<Int>
    /// What it makes of the first chats, nil where it refuses one.
    let texts: [String?]
    /// The lower half of FNV-1a of what it makes of every chat.
    let hashes: [UInt32]

    var testDescription: String { name }

    static let all: [ChatGolden] = file("cases").list.map { value in
        ChatGolden(
            name: value["name"].text, template: value["template"].text,
            refused: Set(value["refused"].list.map(\.integer)),
            texts: value["texts"].list.map { if case .string(let text) = $0 { text } else { nil } },
            hashes: value["hashes"].list.map { UInt32($0.integer) })
    }

    static let chats: [Chat] = file("chats").list.map { value in
        Chat(messages: value["messages"].value, variables: members(value["variables"]))
    }

    static let specials = members(file("specials"))

    /// The goldens, in the file's order of keys, which `tojson` shows.
    private static let file: JSON = {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: Golden.path("chat-templates.json"))) else {
            return .null
        }
        var reader = StrictJSONReader([UInt8](data), depthLimit: 64)
        return (try? reader.value()) ?? .null
    }()

    private static func file(_ key: String) -> JSON { file[key] }

    private static func members(_ value: JSON) -> [String: TemplateValue] {
        guard case .object(let members) = value else { return [:] }
        return Dictionary(members.map { ($0.key, $0.value.value) }) { $1 }
    }

    static func hash(_ text: String) -> UInt32 {
        UInt32(
            truncatingIfNeeded: text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01B3
            })
    }
}

extension JSON {
    fileprivate subscript(key: String) -> JSON {
        guard case .object(let members) = self else { return .null }
        return members.first { $0.key == key }?.value ?? .null
    }

    fileprivate var list: [JSON] { if case .array(let items) = self { items } else { [] } }
    fileprivate var text: String { if case .string(let text) = self { text } else { "" } }
    fileprivate var integer: Int { if case .integer(let number) = self { number } else { -1 } }

    /// As a template sees it.
    fileprivate var value: TemplateValue {
        switch self {
        case .null: .null
        case .bool(let bool): .bool(bool)
        case .integer(let number): .integer(number)
        case .number(let number): .number(number)
        case .string(let text): .string(text)
        case .array(let items): .list(items.map(\.value))
        case .object(let members): .map(members.map { .init($0.key, $0.value.value) })
        }
    }
}
