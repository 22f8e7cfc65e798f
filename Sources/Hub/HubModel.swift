internal import Files

/// A model's repository on the hub, and which of its revisions.
package struct HubModel: Hashable, Sendable {
    /// `org/name`, or the name alone of a model that has no organisation.
    package let id: String
    /// A branch, a tag, a reference such as `refs/pr/1`, or a commit.
    package let revision: String

    /// The branch that is meant where none is named.
    package static let defaultRevision = "main"

    /// Checks an id and a revision by the hub's own rules.
    ///
    /// - Parameters:
    ///   - id: a model's id. A path such as `/models/flux` or `./flux` is none.
    ///   - revision: a branch, tag, reference or commit
    package init(_ id: String, revision: String = defaultRevision) throws(HubError) {
        let parts = id.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= 2 else { throw .invalidModel(id, "it is not of the form org/name") }
        for part in parts {
            if let fault = Self.fault(of: part) { throw .invalidModel(id, fault) }
        }
        if id.hasSuffix(".git") { throw .invalidModel(id, "it ends in .git") }
        guard Self.isReference(revision) else { throw .invalidRevision(revision) }
        (self.id, self.revision) = (id, revision)
    }

    /// Whether the revision is a whole commit, which never changes.
    package var namesCommit: Bool { revision.isCommit }

    private static func fault(of part: Substring.UTF8View) -> String? {
        guard let first = part.first, let last = part.last else { return "a part of it is empty" }
        if part.count > 96 { return "a part of it has more than 96 characters" }
        guard part.allSatisfy({ isWordCharacter($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }) else {
            return "only letters, digits, -, _ and . may stand in it"
        }
        guard isWordCharacter(first), isWordCharacter(last) else { return "a part of it begins or ends with - or ." }
        let text = String(decoding: part, as: UTF8.self)
        return text.contains("--") || text.contains("..") ? "-- or .. stands in it" : nil
    }

    private static func isWordCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"): true
        default: false
        }
    }

    /// Whether git could have a reference of this name; one that could leave its folder is none.
    private static func isReference(_ text: String) -> Bool {
        guard text.utf8.count <= 255, !text.contains("..") else { return false }
        return text.pathNames.allSatisfy { part in
            !part.isEmpty && part.utf8.first != UInt8(ascii: ".")
                && part.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"~^:?*[\\".utf8.contains($0) }
        }
    }
}

extension HubModel: CustomStringConvertible {
    /// Id and revision, for a message.
    package var description: String { "\(id) (revision \(revision))" }
}

extension String {
    /// Whether this is a whole commit: 40 lower-case hexadecimal digits.
    var isCommit: Bool { isHexadecimal(digits: 40) }

    func isHexadecimal(digits: Int) -> Bool {
        utf8.count == digits && utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
    }

    /// This text as one component of a URL's path.
    var percentEncoded: String {
        var encoded = ""
        for byte in utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E:
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
            }
        }
        return encoded
    }
}
