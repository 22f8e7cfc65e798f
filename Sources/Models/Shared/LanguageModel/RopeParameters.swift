internal import Layers

/// `rope_parameters`, or `rope_scaling` as older configs have it: how positions become angles.
///
/// A key that is not here is refused: it could change the angles.
// Source: huggingface/transformers 5.23.0, modeling_rope_utils.py, `RopeParameters`.
package struct RopeParameters: Codable, Sendable {
    /// `default`, or `linear`; nil for the default.
    package var ropeType: String?
    package var ropeTheta: Double?
    /// What positions are divided by.
    package var factor: Double?
    package var mropeSection: [Int]?
    package var mropeInterleaved: Bool?
    /// Those of each kind of layer, where they differ.
    package var ofKinds: [String: RopeParameters] = [:]

    package init() {}

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        for key in values.allKeys where try !values.decodeNil(forKey: key) {
            switch key.stringValue {
            case "ropeType", "type": ropeType = try values.decode(String.self, forKey: key)
            case "ropeTheta": ropeTheta = try values.decode(Double.self, forKey: key)
            case "factor": factor = try values.decode(Double.self, forKey: key)
            case "mropeSection": mropeSection = try values.decode([Int].self, forKey: key)
            case "mropeInterleaved": mropeInterleaved = try values.decode(Bool.self, forKey: key)
            case "fullAttention", "slidingAttention":
                ofKinds[key.stringValue] = try values.decode(RopeParameters.self, forKey: key)
            default:
                throw DecodingError.dataCorruptedError(forKey: key, in: values, debugDescription: "it is not known")
            }
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}

extension RopeParameters {
    /// Checks what the types cannot express.
    ///
    /// - Parameters:
    ///   - key: the config's key
    ///   - headWidth: numbers of a head
    func validate(_ key: String, headWidth: Int) throws(ConfigFault) {
        for kind in ofKinds.keys.sorted() { try ofKinds[kind]?.validate(key, headWidth: headWidth) }
        let type = ropeType ?? "default"
        guard ["default", "mrope", "linear"].contains(type), type == "linear" || factor ?? 1 == 1 else {
            throw .unsupported("the position scaling \(type) in \(key)")
        }
        let numbers = [ropeTheta, factor].compactMap { $0 }
        guard numbers.allSatisfy({ (1...1e12).contains($0) }) else { throw .value(key, found: "\(numbers)") }
        guard let sections = mropeSection else { return }
        // Interleaved, the first axis takes what the others leave.
        let most = headWidth / 2
        guard sections.count == 3, sections.allSatisfy({ (0...most).contains($0) }), sections.reduce(0, +) == most
        else {
            throw .value("\(key).mrope_section", found: "\(sections)")
        }
    }
}
