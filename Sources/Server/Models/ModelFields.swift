package import Diffusion

/// The fields that a model takes beyond those that every model has, as the model itself says when it is asked.
package struct ModelFields: Sendable, Equatable {
    /// Whether a request must, may or must not have something.
    package enum Need: String, Sendable, Encodable { case refused, optional, required }

    /// The image that the output begins with or is made from.
    package let firstImage: Need
    /// The image that a video ends with.
    package let lastImage: Need
    /// The parameters of its family that this model takes.
    package let parameters: [ParameterSpec]
    /// The fields that do not always change what is made.
    package let limitedEffects: [String: FieldEffect]

    /// - Parameters:
    ///   - defaults: the model's own choices
    ///   - parameters: its family's
    ///   - limitedEffects: the fields that do not always change what is made
    ///   - resolve: fills in the model's own choices and checks every field
    init(
        _ defaults: GenerationRequest, _ parameters: [ParameterSpec], limitedEffects: [String: FieldEffect],
        resolve: (GenerationRequest) throws -> GenerationRequest
    ) {
        func problems(_ change: (inout GenerationRequest) -> Void) -> [RequestError] {
            var request = defaults
            request.prompts = ["an image"]
            change(&request)
            do {
                _ = try resolve(request)
                return []
            } catch {
                return (error as? InvalidRequest)?.problems ?? []
            }
        }
        let pixels = PixelBatch(count: 1, height: 16, width: 16, bytes: [UInt8](repeating: 0, count: 768))
        let image = RequestImage(name: "image", pixels: pixels)
        let (without, with) = (
            problems { _ in },
            problems {
                $0.images = [image]
                $0.lastImage = image
            }
        )
        func need(_ field: String) -> Need {
            if with.contains(where: { $0.isRefusal(of: field) }) { return .refused }
            return without.contains(.missing(field)) ? .required : .optional
        }
        (firstImage, lastImage) = (need("image"), need("last_image"))
        self.parameters = parameters.filter { spec in
            !problems { $0.extra[spec.name] = spec.kind.example }.contains { $0.isRefusal(of: spec.name) }
        }
        self.limitedEffects = limitedEffects
    }
}

extension RequestError {
    /// Whether the model has no use for a field.
    fileprivate func isRefusal(of name: String) -> Bool {
        if case .notForModel(name, _, _, _) = self { true } else { false }
    }
}

extension ParameterSpec.Kind {
    /// A value that is allowed.
    fileprivate var example: ParameterValue {
        switch self {
        case .number(let range): .number(range.upperBound)
        case .flag: .bool(false)
        case .texts: .text("")
        case .numbers(let range): .list([.number(range.upperBound)])
        }
    }
}
