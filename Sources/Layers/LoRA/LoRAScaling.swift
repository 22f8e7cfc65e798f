internal import Files
internal import Foundation

/// What a LoRA file says of its scaling in its header, or PEFT in a file beside it.
// Source: peft 0.19.1, tuners/lora/layer.py, utils/other.py `get_pattern_key`.
struct LoRAScaling: Sendable, Equatable {
    /// Of one component.
    fileprivate struct Adapter: Sendable, Equatable {
        var alpha: Double?
        /// Of modules, by their names or the ends of those.
        var alphas: [String: Double] = [:]
        /// Whether the product is scaled by the root of the rank (rsLoRA).
        var scalesByRoot = false
    }

    /// By the first word of the modules' names; under the empty text what holds for all.
    private let adapters: [String: Adapter]

    private static let headerKey = "lora_adapter_metadata"

    /// - Parameters:
    ///   - header: texts of the file's header
    ///   - config: the path of PEFT's description, if there is one
    ///   - file: the LoRA file
    /// - Throws: ``LoRAError`` or ``ConfigError``
    init(header: [String: String], config: String?, of file: String) throws {
        var values: [String: [String: Any]] = [:]
        if let text = header[Self.headerKey] {
            guard let fields = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] else {
                throw LoRAError.metadata(Self.headerKey, in: file, expected: "a JSON object")
            }
            for (key, value) in fields {
                let words = key.split(separator: ".", maxSplits: 1).map(String.init)
                if words.count == 2 { values[words[0], default: [:]][words[1]] = value }
            }
        } else if let config {
            values[""] = try JSONFile.object(at: config)
        }
        let place = header[Self.headerKey] == nil ? config ?? file : file
        adapters = try values.mapValues { try Adapter($0, in: place) }
    }

    /// What the product of a pair is scaled by.
    ///
    /// - Parameters:
    ///   - module: its name in the file
    ///   - alpha: what stands beside the pair, which goes before all else
    ///   - rank: the pair's
    /// - Returns: 1 where nothing is said
    func scale(of module: String, alpha: Double?, rank: Int) -> Double {
        let words = module.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let own = adapters[words[0]].map { ($0, words.last ?? module) } ?? adapters[""].map { ($0, module) }
        guard let alpha = alpha ?? own.flatMap({ $0.0.alpha(of: $0.1) }) else { return 1 }
        return alpha / (own?.0.scalesByRoot == true ? Double(rank).squareRoot() : Double(rank))
    }
}

extension LoRAScaling.Adapter {
    fileprivate init(_ values: [String: Any], in file: String) throws(LoRAError) {
        func number(_ value: Any?, _ key: String) throws(LoRAError) -> Double? {
            guard let value, !(value is NSNull) else { return nil }
            guard let number = (value as? NSNumber)?.doubleValue, number.isFinite else {
                throw .metadata(key, in: file, expected: "a number")
            }
            return number
        }
        alpha = try number(values["lora_alpha"], "lora_alpha")
        for (name, value) in values["alpha_pattern"] as? [String: Any] ?? [:] {
            guard let alpha = try number(value, "alpha_pattern") else { continue }
            let plain = name.replacing("\\.", with: ".")
            guard plain.utf8.allSatisfy(Self.isPlain) else {
                throw .metadata("alpha_pattern", in: file, expected: "by names of modules, not by \(name.quoted)")
            }
            alphas[plain] = alpha
        }
        scalesByRoot = (values["use_rslora"] as? NSNumber)?.boolValue ?? false
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "^"): true
        default: false
        }
    }

    /// Of a module, by the longest of the names that it has or ends in.
    fileprivate func alpha(of module: String) -> Double? {
        let fitting = alphas.filter { name, _ in
            if let whole = name.without(beginning: "^") { return whole == module }
            return name == module || module.without(ending: ".\(name)") != nil
        }
        return fitting.max { ($0.key.utf8.count, $0.key) < ($1.key.utf8.count, $1.key) }?.value ?? alpha
    }
}
