/// The parameters of a header such as `form-data; name="image"; filename="a.png"`.
enum HeaderParameters {
    /// Reads a header's value.
    ///
    /// - Parameter value: without the header's name
    /// - Returns: the parameters by name in small letters; the value before the first semicolon under an empty name
    static func read(_ value: Substring) -> [String: String] {
        var parameters: [String: String] = [:]
        var rest = value
        parameters[""] = rest.take(until: ";").trimmed
        while !rest.isEmpty {
            rest = rest.dropFirst()
            let name = rest.take(until: "=", or: ";").trimmed.lowercased()
            guard rest.first == "=" else { continue }
            rest = rest.dropFirst()
            rest = rest.drop { $0 == " " || $0 == "\t" }
            let text = rest.first == "\"" ? rest.takeQuoted() : rest.take(until: ";").trimmed
            // The first one counts, so that a second cannot hide it.
            if parameters[name] == nil { parameters[name] = text }
            _ = rest.take(until: ";")
        }
        return parameters
    }
}

extension Substring {
    fileprivate var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }

    fileprivate mutating func take(until first: Character, or second: Character? = nil) -> Substring {
        let taken = prefix { $0 != first && $0 != second }
        self = self[taken.endIndex...]
        return taken
    }

    /// A text in quotation marks, with `\"` and `\\` for those characters.
    fileprivate mutating func takeQuoted() -> String {
        var text = ""
        var isEscaped = false
        var index = self.index(after: startIndex)
        while index < endIndex {
            let character = self[index]
            index = self.index(after: index)
            if isEscaped {
                if character != "\"", character != "\\" { text.append("\\") }
                text.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "\"" {
                break
            } else {
                text.append(character)
            }
        }
        self = self[index...]
        return text
    }
}
