/// One turn of a chat.
package struct ChatMessage: Sendable {
    package enum Role: String, Sendable {
        case system, user, assistant
    }

    /// A piece of a turn's content.
    package enum Part: Sendable {
        case text(String)
        /// An image, which stands elsewhere.
        case image
    }

    /// Templates may treat a text and a list with this text differently.
    package enum Content: Sendable {
        case text(String)
        case parts([Part])
    }

    package let role: Role
    package let content: Content

    package init(_ role: Role, _ text: String) { (self.role, content) = (role, .text(text)) }

    package init(_ role: Role, parts: [Part]) { (self.role, content) = (role, .parts(parts)) }
}

extension ChatMessage {
    /// The message as templates see it.
    var value: TemplateValue {
        let content: TemplateValue =
            switch content {
            case .text(let text): .string(text)
            case .parts(let parts): .list(parts.map(\.value))
            }
        return .map([.init("role", .string(role.rawValue)), .init("content", content)])
    }
}

extension ChatMessage.Part {
    fileprivate var value: TemplateValue {
        switch self {
        case .text(let text): .map([.init("type", .string("text")), .init("text", .string(text))])
        case .image: .map([.init("type", .string("image"))])
        }
    }
}
