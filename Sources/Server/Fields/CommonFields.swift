internal import Diffusion
internal import Engine
internal import Files

/// The fields that requests for images and for videos share.
struct CommonFields {
    private(set) var generation: GenerationRequest
    private(set) var priority = Priority.normal
    /// Whether the client gave no seed.
    private(set) var seedIsDrawn = false
    /// What was accepted and changes nothing.
    private(set) var warnings: [String] = []

    /// Reads them; what is wrong is kept with the fields.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - model: who computes
    ///   - limits: how much is taken
    ///   - principal: who asks
    init(_ fields: inout RequestFields, model: ServedModel, _ limits: ServerLimits, _ principal: Principal) {
        generation = GenerationRequest(prompts: [])
        if let prompt = Self.prompt("prompt", &fields, limits) {
            generation.prompts = [prompt]
        } else if fields.problems.isEmpty {
            fields.refuse("prompt", "prompt is needed", code: "missing_required_parameter")
        }
        if let negative = Self.prompt("negative_prompt", &fields, limits) { generation.negativePrompts = [negative] }
        let size = size(&fields)
        (generation.width, generation.height) = (size?.width, size?.height)
        generation.numInferenceSteps = fields.integer("num_inference_steps", 1...1_000_000)
        generation.guidanceScale = fields.number("guidance_scale", 0...1_000_000)
        generation.maxSequenceLength = fields.integer("max_sequence_length", 1...1_000_000)
        let seed = fields.integer("seed", 0...Int.max)
        seedIsDrawn = seed == nil
        generation.seeds = seed.map { [UInt64($0)] } ?? []
        for member in fields.object("extra_params") ?? [] where member.value != .null {
            let kind = fields.isForm ? model.offer.parameters.first { $0.name == member.key }?.kind : nil
            guard let value = ParameterValue(kind.map { member.value.read(as: $0) } ?? member.value) else {
                fields.refuse("extra_params", "extra_params.\(member.key) is an object, which no parameter is")
                continue
            }
            if let length = value.longestText, length > limits.promptCharacters {
                fields.refuse(
                    "extra_params",
                    "extra_params.\(member.key) has \(length) characters; at most \(limits.promptCharacters) are taken",
                    code: "string_too_long")
                continue
            }
            generation.extra[member.key] = value
        }
        if let word = fields.choice("priority", Priority.allCases.map(\.name)), let asked = Priority(name: word) {
            priority = min(asked, principal.highestPriority)
            if priority != asked { warnings.append("priority is \(priority.name), the highest of this key") }
        }
        if let name = fields.text("model"), name != model.name {
            warnings.append("model is \(name.quoted); this server has only \(model.name)")
        }
        _ = fields.text("user")
        _ = fields.text("safety_identifier")
    }

    private static func prompt(_ name: String, _ fields: inout RequestFields, _ limits: ServerLimits) -> String? {
        guard let text = fields.text(name, bytes: .max) else { return nil }
        let length = text.unicodeScalars.count
        if length > limits.promptCharacters {
            fields.refuse(
                name, "\(name) has \(length) characters; at most \(limits.promptCharacters) are taken",
                code: "string_too_long")
        } else if text.unicodeScalars.contains("\0") {
            fields.refuse(name, "\(name) holds a NUL")
        } else if text.isEmpty, name == "prompt" {
            fields.refuse(name, "\(name) is empty")
        }
        return text
    }

    /// `width` and `height`, or else `size`.
    private mutating func size(_ fields: inout RequestFields) -> (width: Int, height: Int)? {
        let width = fields.integer("width", 1...1_000_000)
        let height = fields.integer("height", 1...1_000_000)
        let text = fields.text("size")
        let pair = text.flatMap { $0 == "auto" ? nil : $0.split(separator: "x", omittingEmptySubsequences: false) }
        if let text, let pair {
            let sides = pair.compactMap { $0.allSatisfy(\.isASCII) && $0.first != "+" ? Int($0) : nil }
            guard pair.count == 2, sides.count == 2, sides.allSatisfy({ (1...1_000_000).contains($0) }) else {
                fields.refuse("size", .string(text), expected: "auto, or width and height such as 1024x768")
                return nil
            }
            if width == nil, height == nil { return (sides[0], sides[1]) }
        }
        if (width == nil) != (height == nil) {
            let missing = width == nil ? "width" : "height"
            fields.refuse(missing, "\(missing) is needed too: width and height come together")
        }
        guard let width, let height else { return nil }
        if let text, pair != nil, text != "\(width)x\(height)" {
            warnings.append("size is \(text); width and height win")
        }
        return (width, height)
    }
}

extension JSON {
    /// A text of a form as the value that a parameter takes; any other value, and a text that is none, as it is.
    ///
    /// - Parameter kind: the parameter's
    /// - Returns: the value
    fileprivate func read(as kind: ParameterSpec.Kind) -> JSON {
        switch kind {
        case .texts: return self
        case .flag: return flag
        case .number: return number
        case .numbers:
            guard case .string(let text) = self, looksLikeJSON else { return .array(items.map(\.number)) }
            return JSON(text: text) ?? self
        }
    }
}

extension ParameterValue {
    /// The characters of the longest text in it.
    fileprivate var longestText: Int? {
        switch self {
        case .text(let text): text.unicodeScalars.count
        case .list(let items): items.compactMap(\.longestText).max()
        case .number, .bool, .null: nil
        }
    }

    /// - Parameter json: nil for an object, which no parameter is
    init?(_ json: JSON) {
        switch json {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .integer(let number): self = .number(Double(number))
        case .number(let number): self = .number(number)
        case .string(let text): self = .text(text)
        case .array(let items):
            let values = items.compactMap { ParameterValue($0) }
            guard values.count == items.count else { return nil }
            self = .list(values)
        case .object: return nil
        }
    }
}
