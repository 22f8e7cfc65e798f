internal import Diffusion

/// What a model makes otherwise than it was asked to: sizes that it cannot make are rounded.
struct Adjustments: CustomStringConvertible {
    /// A clause for each field; empty if all is as asked.
    let description: String

    /// - Parameters:
    ///   - asked: what the user asked for
    ///   - resolved: what the family made of it
    init(_ asked: GenerationRequest, _ resolved: GenerationRequest) {
        let fields: [(name: String, value: KeyPath<GenerationRequest, Int?>)] = [
            ("height", \.height), ("width", \.width), ("num_frames", \.numFrames),
        ]
        description = fields.compactMap { name, value in
            guard let wanted = asked[keyPath: value], let made = resolved[keyPath: value], made != wanted else {
                return nil
            }
            return "\(name) is \(wanted); the model makes \(made)"
        }.joined(separator: ", ")
    }
}
