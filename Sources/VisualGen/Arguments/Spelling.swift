extension String {
    /// The text between quotation marks as in JSON, so that it stays on one line.
    ///
    /// - Parameter limit: how many scalars are shown, nil for all
    /// - Returns: text that YAML and JSON read as the original, if all of it is shown
    func quoted(limit: Int?) -> String {
        var quoted = "\""
        let shown = limit.map { unicodeScalars.prefix($0) } ?? unicodeScalars[...]
        for scalar in shown {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            // Beyond 16 bits JSON's escapes and YAML's differ.
            case _ where scalar.value <= 0xFFFF && scalar.properties.isControlOrSeparator:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + (shown.endIndex < unicodeScalars.endIndex ? "…\"" : "\"")
    }

    /// The path of a field in the mapping that has this path.
    func field(_ name: String) -> String {
        let plain =
            !name.isEmpty && name.utf8.count <= 80 && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        return (isEmpty ? "" : "\(self).") + (plain ? name : name.quoted(limit: 80))
    }

    /// Whether this is the path of a field, or of something in it.
    func isPath(in field: String) -> Bool {
        hasPrefix(field) && (count == field.count || ".[".contains(self[index(startIndex, offsetBy: field.count)]))
    }
}

extension Unicode.Scalar.Properties {
    fileprivate var isControlOrSeparator: Bool {
        switch generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
        default: false
        }
    }
}

extension Double {
    /// The number in a sentence, without the `.0` of a whole one.
    var mention: String {
        let text = ConfigValue.double(self).description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
