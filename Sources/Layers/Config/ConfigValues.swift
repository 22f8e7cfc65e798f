internal import Foundation

/// An object of a config that is not in this build's own terms: its values are asked for one by one, and none may be left.
package final class ConfigValues {
    private let values: [String: Any]
    private let path: String
    private var asked: Set<String> = []
    private var parts: [ConfigValues] = []

    /// - Parameters:
    ///   - values: by key, as `JSONSerialization` reads them
    ///   - path: the object's own key in messages; empty for the whole
    package init(_ values: [String: Any], at path: String = "") { (self.values, self.path) = (values, path) }

    /// Whether there is a value that is not null.
    package func has(_ key: String) -> Bool { values[key].map { !($0 is NSNull) } ?? false }

    /// A number, a text, a flag, or a list of such.
    ///
    /// - Parameters:
    ///   - key: its key
    ///   - standard: what it is where there is none; nil if there must be one
    /// - Returns: the value
    package func value<Value: Decodable>(_ key: String, or standard: Value? = nil) throws(ConfigFault) -> Value {
        asked.insert(key)
        guard has(key), let found = values[key] else {
            if let standard { return standard }
            throw .value(full(key), found: "nothing")
        }
        // In a list, as JSON's readers of old take no value by itself.
        guard let data = try? JSONSerialization.data(withJSONObject: [found]),
            let value = try? JSONDecoder().decode([Value].self, from: data).first
        else { throw .value(full(key), found: describe(found)) }
        return value
    }

    /// A number of things, or a size.
    ///
    /// - Parameters:
    ///   - key: its key
    ///   - standard: what it is where there is none; nil if there must be one
    /// - Returns: from 0 to ``countLimit``
    package func count(_ key: String, or standard: Int? = nil) throws(ConfigFault) -> Int {
        let count: Int = try value(key, or: standard)
        guard 0...Self.countLimit ~= count else { throw .value(full(key), found: "\(count)") }
        return count
    }

    /// No model has more of anything that its config counts.
    package static let countLimit = 1 << 24

    /// Objects that have names, in order.
    ///
    /// - Parameter key: of a list of pairs
    /// - Returns: none for an empty list
    package func named(_ key: String) throws(ConfigFault) -> [(name: String, values: ConfigValues)] {
        asked.insert(key)
        var result: [(String, ConfigValues)] = []
        guard let list = values[key] as? [Any] else {
            throw .value(full(key), found: (values[key].map(describe) ?? "nothing"))
        }
        for (index, item) in list.enumerated() {
            let path = "\(full(key))[\(index)]"
            guard let pair = item as? [Any], pair.count == 2, let name = pair[0] as? String,
                let object = pair[1] as? [String: Any]
            else { throw .value(path, found: describe(item)) }
            result.append((name, ConfigValues(object, at: path)))
        }
        parts += result.map(\.1)
        return result
    }

    /// An object within this one.
    package func object(_ key: String) throws(ConfigFault) -> ConfigValues {
        asked.insert(key)
        guard has(key), let found = values[key] else { throw .value(full(key), found: "nothing") }
        guard let object = found as? [String: Any] else { throw .value(full(key), found: describe(found)) }
        let part = ConfigValues(object, at: full(key))
        parts.append(part)
        return part
    }

    /// Makes sure that a value, where there is one, is the only one that this build computes.
    ///
    /// - Parameters:
    ///   - key: its key
    ///   - expected: the value
    package func require<Value: Decodable & Equatable>(_ key: String, _ expected: Value) throws(ConfigFault) {
        let found: Value = try value(key, or: expected)
        if found != expected { throw .value(full(key), found: (values[key].map(describe) ?? "nothing")) }
    }

    /// Passes over values that change nothing.
    package func pass(_ keys: String...) { asked.formUnion(keys) }

    /// The keys, of this object and those within, that nobody asked for and whose values are neither null nor false.
    package var unknown: [String] {
        let own = values.keys.filter { key in
            let isFalse = values[key].map { describe($0) == "false" } ?? false
            return !asked.contains(key) && !key.hasPrefix("_") && has(key) && !isFalse
        }
        return (own.map(full) + parts.flatMap(\.unknown)).sorted()
    }

    /// A fault of one of its values.
    package func fault(_ key: String, _ found: String) -> ConfigFault { .value(full(key), found: found) }

    private func full(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }
}
