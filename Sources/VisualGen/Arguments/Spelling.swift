extension String {
    /// The text between quotation marks as in JSON, so that it stays on one line.
    ///
    /// - Parameter limit: how many characters are shown, nil for all
    /// - Returns: text that YAML and JSON read as the original, if all of it is shown
    func quoted(limit: Int?) -> String {
        var quoted = "\""
        for scalar in (limit.map { String(prefix($0)) } ?? self).unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.properties.isControlOrSeparator:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + (limit.map { count > $0 } == true ? "…\"" : "\"")
    }

    /// The path of a field in the mapping that has this path.
    func field(_ name: String) -> String {
        let plain = !name.isEmpty && name.count <= 80 && name.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
        return (isEmpty ? "" : "\(self).") + (plain ? name : name.quoted(limit: 80))
    }

    /// Whether this is the path of a field, or of something in it.
    func isPath(in field: String) -> Bool {
        hasPrefix(field) && (count == field.count || ".[".contains(self[index(startIndex, offsetBy: field.count)]))
    }

    /// The name that was probably meant, if one is near enough.
    func nearest(of names: [String]) -> String? {
        let misspelt = lowercased()
        var best: (name: String, distance: Int)?
        for name in names {
            let distance = misspelt.distance(to: name.lowercased())
            let isNear = distance <= Swift.max(1, Swift.min(count, name.count) / 3)
            if isNear || misspelt.isPart(of: name.lowercased()), best.map({ distance < $0.distance }) ?? true {
                best = (name, distance)
            }
        }
        return best?.name
    }

    /// Whether one of the two holds the other, as `dit_cfg_size` holds `cfg_size`.
    private func isPart(of other: String) -> Bool {
        let (short, long) = count < other.count ? (self, other) : (other, self)
        return short.count >= 4 && long.contains(short)
    }

    /// How many characters must be added, removed, replaced or swapped with their neighbour to get another text.
    private func distance(to other: String) -> Int {
        let (from, to) = (Array(prefix(100)), Array(other.prefix(100)))
        var beforeLast: [Int] = []
        var last = Array(0...to.count)
        for row in from.indices {
            var current = [row + 1]
            for column in to.indices {
                let replaced = last[column] + (from[row] == to[column] ? 0 : 1)
                var best = Swift.min(replaced, last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, from[row] == to[column - 1], from[row - 1] == to[column] {
                    best = Swift.min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[to.count]
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
