internal import Diffusion
internal import Engine

/// A field of a request that changes what this model makes, for clients that let people choose.
struct CapabilityField: Encodable {
    /// What the value is in JSON: a list of numbers is `numbers`.
    enum Kind: String, Encodable { case text, number, integer, boolean, numbers }

    /// What else must be so for the field to have an effect.
    struct Condition: Encodable {
        let field: String
        let above: Double
    }

    let name: String
    let type: Kind
    var minimum, maximum: Double?
    var `default`: ParameterValue?
    var needs: Condition?

    /// The fields besides the prompt, the size and the seed that all models know, as far as this one heeds them.
    ///
    /// - Parameters:
    ///   - model: who computes
    ///   - limits: how much is taken
    ///   - kind: what is made
    ///   - defaults: the model's own choices for that
    /// - Returns: the fields
    static func common(
        _ model: ServedModel, _ limits: ServerLimits, _ kind: Job.Kind, _ defaults: GenerationRequest
    ) -> [CapabilityField] {
        func number(_ name: String, _ kind: Kind, _ range: ClosedRange<Double>, _ value: Double?) -> CapabilityField {
            CapabilityField(
                name: name, type: kind, minimum: range.lowerBound, maximum: range.upperBound,
                default: value.map(ParameterValue.number))
        }
        func count(_ name: String, _ most: Int, _ value: Int?) -> CapabilityField {
            number(name, .integer, 1...Double(most), value.map(Double.init))
        }
        let negative = defaults.negativePrompts.first.map(ParameterValue.text)
        var fields = [
            CapabilityField(name: "negative_prompt", type: .text, default: negative),
            count("num_inference_steps", RequestChecks.stepCounts.upperBound, defaults.numInferenceSteps),
        ]
        if let guidance = defaults.guidanceScale {
            fields.append(number("guidance_scale", .number, RequestChecks.guidanceScales, guidance))
        }
        if let length = defaults.maxSequenceLength {
            let tokens = ParameterValue.number(Double(length))
            fields.append(CapabilityField(name: "max_sequence_length", type: .integer, minimum: 1, default: tokens))
        }
        if kind == .video {
            fields.append(count("num_frames", limits.frames, defaults.numFrames))
            fields.append(number("fps", .number, 0.1...limits.frameRate, defaults.frameRate))
        } else {
            fields.append(count("n", limits.images, 1))
        }
        return fields.compactMap { $0.limited(by: model.fields) }
    }

    /// The field with what it needs, nil if it never has an effect.
    func limited(by fields: ModelFields) -> CapabilityField? {
        switch fields.limitedEffects[name] {
        case .never: return nil
        case .whileAbove(let value, let other):
            var field = self
            field.needs = Condition(field: other, above: value)
            return field
        case nil: return self
        }
    }
}

extension CapabilityField {
    /// - Parameter spec: a parameter that only some families know
    init(_ spec: ParameterSpec) {
        (name, self.default) = (spec.name, spec.defaultValue)
        switch spec.kind {
        case .number(let range): (type, minimum, maximum) = (.number, range.lowerBound, range.upperBound)
        case .flag: type = .boolean
        case .texts: type = .text
        case .numbers(let range): (type, minimum, maximum) = (.numbers, range.lowerBound, range.upperBound)
        }
    }
}
