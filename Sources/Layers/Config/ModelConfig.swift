internal import Files
internal import Foundation

/// A component's `config.json`: a list of `var name = default`, which the file overlays.
///
/// Swift's camel case stands for the file's snake case. A key of the file that the type does not have could change the
/// computation, so it is refused by name; keys that begin with an underscore, keys in ``ignoredKeys`` and unknown keys
/// that are null or false do not.
package protocol ModelConfig: Codable, Sendable {
    init()

    /// Keys that the published files have and that change nothing here.
    static var ignoredKeys: Set<String> { get }

    /// The key under which this config stands in a larger config file, whose other keys are then ignored; nil at the top.
    static var nestedKey: String? { get }

    /// Keys of the file that no name in camel case stands for, as those with a digit within, each with the key read instead.
    static var otherNames: [String: String] { get }

    /// Checks what the types cannot express.
    func validate() throws(ConfigFault)
}

extension ModelConfig {
    package static var ignoredKeys: Set<String> { [] }
    package static var nestedKey: String? { nil }
    package static var otherNames: [String: String] { [:] }
    package func validate() throws(ConfigFault) {}

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file
    ///   - allowingUnknown: whether unknown keys are skipped instead of refused
    ///   - others: keys that somebody else reads
    /// - Returns: the config, and the unknown keys that were skipped
    package static func read(_ path: String, allowingUnknown: Bool = false, besides others: Set<String> = [])
        throws(ConfigError) -> (Self, [String])
    {
        let values = try JSONFile.object(at: path).filter { !others.contains($0.key) }
        do {
            return try read(values, allowingUnknown: allowingUnknown)
        } catch {
            throw ConfigError(file: path, fault: error)
        }
    }

    /// The defaults with some numbers changed.
    ///
    /// - Parameter changes: by key
    /// - Returns: the config
    package static func defaults(changing changes: [String: Int]) throws(ConfigFault) -> Self {
        try read(changes, allowingUnknown: false).0
    }

    /// The keys that the type has.
    package static var keys: Set<String> {
        Set(Mirror(reflecting: Self()).children.compactMap { $0.label.map(snakeCase) })
    }

    /// Reads what stands in a file.
    ///
    /// - Parameters:
    ///   - values: by key, as `JSONSerialization` reads them
    ///   - allowingUnknown: whether unknown keys are skipped instead of refused
    /// - Returns: the config, and the unknown keys that were skipped
    package static func read(
        _ values: [String: Any], allowingUnknown: Bool
    ) throws(ConfigFault) -> (Self, [String]) {
        let values = nestedKey.flatMap { values[$0] as? [String: Any] } ?? values
        let (known, ignored) = (keys, ignoredKeys.union(commonIgnoredKeys))
        var overlay: [String: Any] = [:]
        var skipped: [String] = []
        for (key, value) in values {
            if let name = otherNames[key] ?? (known.contains(key) ? key : nil) {
                overlay[name] = value
            } else if key.utf8.first != UInt8(ascii: "_"), !ignored.contains(key) {
                skipped.append(key)
            }
        }
        let refused = skipped.filter { !(values[$0] is NSNull) && !isFalse(values[$0]) }
        guard allowingUnknown || refused.isEmpty else { throw .unknown(refused.sorted()) }
        let config = try decode(overlay)
        try config.requireModestNumbers()
        try config.validate()
        return (config, skipped.sorted())
    }

    private static func decode(_ overlay: [String: Any]) throws(ConfigFault) -> Self {
        if let config = try? decoded(overlay) { return config }
        // A decoder's error does not always name the key: the first one that fails alone is to blame.
        let key = overlay.keys.sorted().first { key in (try? decoded(overlay.filter { $0.key == key })) == nil }
        guard let key, let value = overlay[key] else { throw .value("its content", found: "something else") }
        throw .value(key, found: describe(value))
    }

    private static func decoded(_ overlay: [String: Any]) throws -> Self {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        var values = try JSONSerialization.jsonObject(with: encoder.encode(Self())) as? [String: Any] ?? [:]
        values.merge(overlay) { $1 }
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Self.self, from: JSONSerialization.data(withJSONObject: values))
    }

    /// A number that no model has would overflow, or be infinite, in a product later.
    private func requireModestNumbers() throws(ConfigFault) {
        for child in Mirror(reflecting: self).children {
            let key = snakeCase(child.label ?? "")
            let whole = (child.value as? [Int]) ?? (child.value as? Int).map { [$0] } ?? []
            for number in whole where !(-1 << 24...1 << 24).contains(number) { throw .value(key, found: "\(number)") }
            let real = (child.value as? [Double]) ?? (child.value as? Double).map { [$0] } ?? []
            for number in real where !(-1e12...1e12).contains(number) { throw .value(key, found: "\(number)") }
        }
    }

    /// Checks that sizes are at least one.
    ///
    /// - Parameter sizes: each with its key
    /// - Throws: ``ConfigFault/value(_:found:)``
    package func requirePositive(_ sizes: KeyValuePairs<String, Int>) throws(ConfigFault) {
        for (key, size) in sizes where size < 1 { throw .value(key, found: "\(size)") }
    }

    /// Checks that counts are neither negative nor beyond what any model has: each is a part to be made.
    ///
    /// - Parameter counts: each with its key
    /// - Throws: ``ConfigFault/value(_:found:)``
    package func requireCounts(_ counts: KeyValuePairs<String, Int>) throws(ConfigFault) {
        for (key, count) in counts where !(0...1000).contains(count) { throw .value(key, found: "\(count)") }
    }

    /// Checks that one size is a multiple of another.
    ///
    /// - Parameters:
    ///   - key: the key of the first
    ///   - size: the first
    ///   - name: the key of the second
    ///   - divisor: the second, at least 1
    /// - Throws: ``ConfigFault/notMultiple(_:_:of:_:)``
    package func requireMultiple(_ key: String, _ size: Int, of name: String, _ divisor: Int) throws(ConfigFault) {
        if !size.isMultiple(of: divisor) { throw .notMultiple(key, size, of: name, divisor) }
    }
}

/// What saving libraries write into every config and no forward pass reads.
private let commonIgnoredKeys: Set<String> = [
    "architectures", "attention_dropout", "attn_implementation", "bos_token_id", "chunk_size_feed_forward",
    "classifier_dropout", "decoder_start_token_id", "dropout", "dropout_rate", "dtype", "force_upcast",
    "gradient_checkpointing", "id2label", "initializer_factor", "initializer_range", "label2id", "output_past",
    "projection_dim", "return_dict", "sample_size", "task_specific_params", "tie_word_embeddings", "torch_dtype",
    "transformers_version", "use_cache", "problem_type",
]

/// `numLayers` becomes `num_layers`, as `JSONEncoder` spells it.
private func snakeCase(_ name: String) -> String {
    var result = ""
    for character in name {
        if character.isUppercase { result += "_" }
        result += character.lowercased()
    }
    return result
}

private func isFalse(_ value: Any?) -> Bool {
    guard let number = value as? NSNumber else { return false }
    return isBoolean(number) && !number.boolValue
}

/// Tells a JSON boolean from a JSON number.
private func isBoolean(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }

/// A JSON value as a person would write it, cut if long.
func describe(_ value: Any) -> String {
    if let string = value as? String { return string.quoted }
    let data = try? JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed])
    return (data.map { String(decoding: $0, as: UTF8.self) } ?? "\(value)").cut(toBytes: 60)
}
