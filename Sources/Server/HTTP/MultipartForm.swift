internal import Files

/// The parts of a `multipart/form-data` body.
// Source: RFC 7578 and RFC 2046, 5.1.1.
package struct MultipartForm: Sendable {
    /// One field or file.
    package struct Part: Sendable {
        package let name: String
        /// The file's name as the client tells it, nil for a field.
        ///
        /// It never names a file here.
        package let fileName: String?
        /// What the client says that it is, in small letters.
        let mediaType: String?
        /// The encoding that the client names.
        let charset: String?
        package let bytes: ArraySlice<UInt8>

        /// The bytes as text, if they are one: UTF-8, or what the part's header says.
        package var text: String? { String(bytes: bytes, charset: charset) }

        /// Whether it may hold images as text, however its name goes on.
        var mayHoldImages: Bool {
            ["image", "input_reference", "image_reference"].contains { name == $0 || name.hasPrefix("\($0)[") }
        }

        /// Whether it is a file rather than the text of a field.
        ///
        /// A part is a file if its type is not text, if it has a name and no type, or if its bytes are not text.
        var isFile: Bool {
            if let mediaType { return !Self.isOfTexts(mediaType) || text == nil }
            return fileName != nil || text == nil
        }

        private static func isOfTexts(_ mediaType: String) -> Bool {
            mediaType.hasPrefix("text/") || mediaType == "application/json" || mediaType.hasSuffix("+json")
        }
    }

    /// In the order of the body.
    package private(set) var parts: [Part] = []

    private static let headerLimit = 4096

    /// Takes a body apart.
    ///
    /// - Parameters:
    ///   - body: the whole of it
    ///   - boundary: what stands between its parts
    ///   - limits: how many parts, and how long its text fields
    package init(_ body: [UInt8], boundary: String, limits: ServerLimits) throws(MultipartError) {
        let delimiter = Array("\r\n--\(boundary)".utf8)
        // The first delimiter may begin the body, without a line before it.
        var position: Int
        if body.starts(with: delimiter.dropFirst(2)) {
            position = delimiter.count - 2
        } else if let found = body.firstIndex(of: delimiter, from: 0) {
            position = found + delimiter.count
        } else {
            throw .noBoundary
        }
        while true {
            if body[position...].starts(with: Array("--".utf8)) { return }
            while position < body.count, body[position].isBlank { position += 1 }
            guard body[position...].starts(with: [0x0D, 0x0A]) else { throw .malformedBoundary }
            guard let end = body.firstIndex(of: delimiter, from: position) else { throw .unfinished }
            guard parts.count < limits.parts else { throw .tooManyParts(limit: limits.parts) }
            let part = try Self.part(body, position..<end, nameLimit: limits.nameBytes)
            // Texts may hold images too, which only the limit of the body holds for.
            if part.bytes.count > limits.fieldBytes, !part.isFile, !part.mayHoldImages {
                throw .fieldTooLong(part.name, limit: limits.fieldBytes)
            }
            parts.append(part)
            position = end + delimiter.count
        }
    }

    /// A part that lies between the line break after its delimiter and the one before the next.
    private static func part(
        _ body: [UInt8], _ range: Range<Int>, nameLimit: Int
    ) throws(MultipartError) -> Part {
        guard let blank = body.firstIndex(of: Array("\r\n\r\n".utf8), from: range.lowerBound), blank < range.upperBound
        else { throw .malformedHeader }
        guard blank - range.lowerBound <= headerLimit else { throw .malformedHeader }
        var (disposition, type): (HeaderParameters?, HeaderParameters?)
        for line in Self.lines(body[range.lowerBound..<blank]) {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { throw .malformedHeader }
            let value = line[(colon + 1)...]
            switch String(header: line[..<colon].trimmed).lowercased() {
            case "content-disposition": disposition = HeaderParameters(value)
            case "content-type": type = HeaderParameters(value)
            default: break
            }
        }
        guard let disposition, disposition.value.lowercased() == "form-data", let name = disposition["name"],
            !name.isEmpty
        else { throw .noName }
        guard name.utf8.count <= nameLimit else { throw .nameTooLong(limit: nameLimit) }
        return Part(
            name: name, fileName: disposition["filename"],
            mediaType: type.flatMap { $0.value.isEmpty ? nil : $0.value.lowercased() }, charset: type?["charset"],
            bytes: body[blank + 4..<max(blank + 4, range.upperBound)])
    }

    /// The lines of a header; one that begins with a blank goes on with the one before it.
    private static func lines(_ header: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        for line in header.split(separator: 0x0A) {
            let line = line.last == 0x0D ? line.dropLast() : line
            if line.isEmpty { continue }
            if line.first?.isBlank ?? false, let last = lines.popLast() {
                lines.append((Array(last) + line)[...])
            } else {
                lines.append(line)
            }
        }
        return lines
    }
}

/// Why a body is no form.
package enum MultipartError: Error, Equatable {
    case noBoundary
    case malformedBoundary
    case unfinished
    case malformedHeader
    case noName
    case nameTooLong(limit: Int)
    case tooManyParts(limit: Int)
    case fieldTooLong(String, limit: Int)
}

extension MultipartError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .noBoundary: "the form does not contain its boundary"
        case .malformedBoundary: "a boundary of the form is followed by something else than a line break"
        case .unfinished: "the form ends without its last boundary"
        case .malformedHeader: "the header of a part of the form is malformed"
        case .noName: "a part of the form has no name"
        case .nameTooLong(let limit): "a part of the form has a name of more than \(limit) bytes"
        case .tooManyParts(let limit): "the form has more than \(limit) parts"
        case .fieldTooLong(let name, let limit): "\(name.quoted) is longer than \(limit) bytes"
        }
    }
}

extension [UInt8] {
    /// Where a pattern begins; nil if it does not occur.
    ///
    /// - Parameters:
    ///   - pattern: not empty
    ///   - start: where the search begins
    /// - Returns: its place
    fileprivate func firstIndex(of pattern: [UInt8], from start: Int) -> Int? {
        withUnsafeBufferPointer { bytes in
            var position = start
            while position + pattern.count <= bytes.count {
                if bytes[position] == pattern[0],
                    (1..<pattern.count).allSatisfy({ bytes[position + $0] == pattern[$0] })
                {
                    return position
                }
                position += 1
            }
            return nil
        }
    }
}
