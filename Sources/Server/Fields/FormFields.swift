package import Files
internal import Foundation

/// A form's parts as the values that their names flatten, as a JSON object would hold them.
///
/// `a[b]` is the member `b` of an object, `a[]` the next item of a list, `a[0]` an item by its number. Without numbers the
/// items of a list of objects are told apart as clients write them: one name after the other (`a[][b]`, `a[][b]`, `a[][c]`,
/// `a[][c]`) or one item after the other (`a[][b]`, `a[][c]`, `a[][b]`); where that leaves a doubt, numbers are asked for.
package struct FormFields {
    /// Texts, and objects and lists of them; a file among them is a data URL.
    package private(set) var values: [String: JSON] = [:]
    /// Fields that hold nothing but files.
    package private(set) var files: [String: [MultipartForm.Part]] = [:]
    /// Fields that came several times under one plain name: a list where one is wanted.
    package private(set) var repeated: Set<String> = []

    /// A part, and what is left of its name.
    private typealias Entry = (keys: ArraySlice<String>, part: MultipartForm.Part)

    private static let depthLimit = 8

    /// - Parameter form: a form's parts; empty texts count as absent
    /// - Throws: ``FormFault`` where names contradict each other
    package init(_ form: MultipartForm) throws(FormFault) {
        var (fields, order): ([String: [Entry]], [String]) = ([:], [])
        for part in form.parts where !part.isAbsent {
            let (name, keys) = Self.path(part.name)
            guard keys.count <= Self.depthLimit else {
                throw FormFault("\(part.name.quoted) is nested more than \(Self.depthLimit) deep", name)
            }
            if fields[name] == nil { order.append(name) }
            fields[name, default: []].append((keys[...], part))
        }
        for name in order { try add(name, fields[name] ?? []) }
    }

    private mutating func add(_ name: String, _ entries: [Entry]) throws(FormFault) {
        let isFlat = entries.allSatisfy { $0.keys.isEmpty || $0.keys.count == 1 && ($0.keys.first?.isPlace ?? false) }
        if isFlat, entries.allSatisfy({ $0.part.isFile }) {
            let numbers = entries.map { $0.keys.first.flatMap { Int($0) } ?? -1 }
            for number in Set(numbers) where number >= 0 && numbers.filter({ $0 == number }).count > 1 {
                throw Self.fault("\(name)[\(number)] is given twice", name, code: "duplicate_parameter")
            }
            let order = entries.indices.sorted { (numbers[$0], $0) < (numbers[$1], $1) }
            files[name] = order.map { entries[$0].part }
        } else if entries.count > 1, entries.allSatisfy(\.keys.isEmpty) {
            values[name] = .array(entries.map { Self.leaf($0.part) })
            repeated.insert(name)
        } else {
            values[name] = try Self.value(entries, name)
        }
    }

    /// A name such as `a[b][]` as `a` and its keys; one that is not written so stands for itself.
    private static func path(_ name: String) -> (String, keys: [String]) {
        let bytes = name.utf8
        guard let open = bytes.firstIndex(of: UInt8(ascii: "[")), open > bytes.startIndex,
            bytes.last == UInt8(ascii: "]")
        else { return (name, []) }
        var keys: [String] = []
        var rest = bytes[open...]
        while !rest.isEmpty {
            guard rest.first == UInt8(ascii: "["), let close = rest.firstIndex(of: UInt8(ascii: "]")),
                let key = String(rest[rest.index(after: rest.startIndex)..<close]),
                !key.utf8.contains(UInt8(ascii: "["))
            else { return (name, []) }
            keys.append(key)
            rest = rest[rest.index(after: close)...]
        }
        return (String(name[..<open]), keys)
    }

    private static func leaf(_ part: MultipartForm.Part) -> JSON {
        if !part.isFile, let text = part.text { return .string(text) }
        return .string("data:;base64,\(Data(part.bytes).base64EncodedString())")
    }

    /// What some parts mean together.
    ///
    /// - Parameters:
    ///   - entries: at least one
    ///   - path: what their names have in common, for messages
    /// - Returns: a text, a list or an object
    /// - Throws: ``FormFault`` where their names contradict each other
    private static func value(_ entries: [Entry], _ path: String) throws(FormFault) -> JSON {
        let keys = entries.compactMap(\.keys.first)
        guard let key = keys.first else {
            guard entries.count == 1 else { throw fault("\(path) is given twice", path, code: "duplicate_parameter") }
            return leaf(entries[0].part)
        }
        guard keys.count == entries.count else {
            throw fault("\(path) is given both by itself and as \(path)[\(key)]", path)
        }
        if keys.allSatisfy(\.isEmpty) { return .array(try items(entries, path)) }
        guard !keys.contains("") else {
            throw fault("\(path)[] is given beside \(path)[\(keys.first { !$0.isEmpty } ?? "")]", path)
        }
        var (groups, order): ([String: [Entry]], [String]) = ([:], [])
        for entry in entries {
            guard let key = entry.keys.first else { continue }
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append((entry.keys.dropFirst(), entry.part))
        }
        let isList = keys.allSatisfy(\.isNumber)
        if isList { order.sort { Int($0) ?? 0 < Int($1) ?? 0 } }
        var members: [JSON.Member] = []
        for key in order {
            members.append(JSON.Member(key: key, value: try value(groups[key] ?? [], "\(path)[\(key)]")))
        }
        return isList ? .array(members.map(\.value)) : .object(members)
    }

    /// The items of a list without numbers.
    private static func items(_ entries: [Entry], _ path: String) throws(FormFault) -> [JSON] {
        let rests = entries.map { (keys: $0.keys.dropFirst(), part: $0.part) }
        if rests.allSatisfy(\.keys.isEmpty) { return rests.map { leaf($0.part) } }
        let names = rests.map { $0.keys.map { "[\($0)]" }.joined() }
        let counts = Set(Dictionary(names.map { ($0, 1) }, uniquingKeysWith: +).values)
        let isNamed = rests.allSatisfy { !$0.keys.isEmpty && !$0.keys.contains("") }
        guard isNamed, counts.count == 1 || isOneByOne(names) else {
            throw fault(
                "the items of \(path)[] cannot be told apart: give each the same names, or a number as in "
                    + "\(path)[0]\(names.max() ?? "")", path)
        }
        var items: [[Entry]] = []
        var seen: [String: Int] = [:]
        for (name, rest) in zip(names, rests) {
            if counts.count > 1, seen[name] != nil { seen = [:] }
            // With equal counts the first ones are one item; else a name that comes again begins the next one.
            let place = counts.count == 1 ? seen[name] ?? 0 : seen.isEmpty ? items.count : items.count - 1
            seen[name] = place + 1
            if place == items.count { items.append([]) }
            items[place].append(rest)
        }
        var values: [JSON] = []
        for item in items { values.append(try value(item, "\(path)[]")) }
        return values
    }

    /// Whether items were written one after the other: another name lies between two equal ones.
    private static func isOneByOne(_ names: [String]) -> Bool {
        zip(names, names.dropFirst()).filter { $0 != $1 }.count >= Set(names).count
    }

    private static func fault(_ message: String, _ path: String, code: String = "invalid_value") -> FormFault {
        FormFault(message, String(decoding: path.utf8.prefix { $0 != UInt8(ascii: "[") }, as: UTF8.self), code: code)
    }
}

extension String {
    /// Whether it is the number of an item.
    fileprivate var isNumber: Bool {
        (1...4).contains(utf8.count) && utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Whether it is the number of an item, or nothing for the next one.
    fileprivate var isPlace: Bool { isEmpty || isNumber }
}

extension MultipartForm.Part {
    /// Whether it says nothing: an empty text, or a browser's file that was not chosen.
    fileprivate var isAbsent: Bool { bytes.isEmpty && (!isFile || fileName?.isEmpty ?? false) }
}

/// Names of a form's parts that contradict each other.
package struct FormFault: Error, Equatable {
    /// One sentence.
    package let message: String
    /// The field that it is about.
    package let field: String
    /// OpenAI's word for it.
    package let code: String

    init(_ message: String, _ field: String, code: String = "invalid_value") {
        (self.message, self.field, self.code) = (message, field, code)
    }
}
