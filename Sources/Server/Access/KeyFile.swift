internal import Files

/// What a file of keys says: the keys of its well-formed lines, and what is wrong with the others.
struct KeyFile: Equatable {
    /// A line that does not count.
    struct Fault: Equatable {
        /// Counted from 1.
        let line: Int
        let reason: String
    }

    private(set) var keys: [APIKey] = []
    private(set) var faults: [Fault] = []

    /// - Parameter bytes: one key a line, ended as on any system; empty lines and lines that begin with `#` do not count
    init(_ bytes: [UInt8]) {
        var names: Set<String> = []
        for (index, line) in bytes.lines.enumerated() {
            do throws(APIKey.Fault) {
                guard let key = try Self.key(line) else { continue }
                guard names.insert(key.name).inserted else {
                    throw APIKey.Fault(reason: "there are two keys \(APIKey.shown(key.name[...]))")
                }
                keys.append(key)
            } catch {
                faults.append(Fault(line: index + 1, reason: error.reason))
            }
        }
    }

    /// The key of a line; nil for one that does not count.
    private static func key(_ line: ArraySlice<UInt8>) throws(APIKey.Fault) -> APIKey? {
        guard let text = String(validating: line, as: UTF8.self) else {
            throw APIKey.Fault(reason: "it is not UTF-8")
        }
        let words = text.unicodeScalars.drop { $0.properties.isWhitespace }
        return words.isEmpty || words.first == "#" ? nil : try APIKey(line: Substring(words))
    }
}
