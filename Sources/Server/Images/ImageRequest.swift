internal import Diffusion
internal import Files

/// What a client asks of the picture routes, checked.
struct ImageRequest {
    /// How the client wants the pictures.
    enum Delivery: Sendable { case url, base64 }

    /// Resolved by the model.
    private(set) var generation: GenerationRequest
    private(set) var priority = Priority.normal
    private(set) var seedIsDrawn = false
    private(set) var delivery = Delivery.url
    /// `png`, `jpeg` or `webp`.
    private(set) var format = "png"
    private(set) var quality: Int?
    private(set) var isStream = false
    private(set) var partialImages = 0
    /// The pictures to change, as the client sent them.
    private(set) var inputs: [Upload] = []
    private(set) var warnings: [String] = []

    private static let qualities = ["auto", "standard", "hd", "low", "medium", "high", "xhigh", "max"]

    /// Reads and checks a request.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - isEdit: whether it brings pictures to be changed
    ///   - model: who makes the pictures
    ///   - limits: how much is taken
    ///   - principal: who asks
    /// - Throws: ``APIError`` with everything that is wrong, `InvalidRequest`
    init(
        _ fields: RequestFields, isEdit: Bool, model: ServedModel, _ limits: ServerLimits, _ principal: Principal
    ) throws {
        if isEdit, !model.takesPictures {
            throw APIError.invalid(
                "\(model.name) cannot edit pictures", param: "model", code: "model_cannot_edit")
        }
        var fields = fields
        let common = CommonFields(&fields, model: model.name, limits, principal)
        (generation, priority, seedIsDrawn) = (common.generation, common.priority, common.seedIsDrawn)
        warnings = common.warnings
        generation.numImagesPerPrompt = fields.integer("n", 1...limits.images) ?? 1
        delivery = fields.choice("response_format", ["url", "b64_json"]) == "b64_json" ? .base64 : .url
        readFormat(&fields)
        isStream = fields.flag("stream") ?? false
        // OpenAI's events carry the picture itself.
        if isStream { delivery = .base64 }
        partialImages = fields.integer("partial_images", 0...3) ?? 0
        if partialImages > 0, !isStream {
            fields.refuse("partial_images", "partial_images needs stream")
        }
        if isStream, generation.numImagesPerPrompt > 1 { fields.refuse("n", "n must be 1 with stream") }
        readWithoutEffect(&fields)
        if isEdit { try readPictures(&fields, limits) }
        try fields.finish()
        generation.previews = partialImages
        guard !model.makesVideos else {
            throw APIError.invalid(
                "\(model.name) makes videos: POST /v1/videos", param: "model", code: "model_not_supported")
        }
        generation = try limits.admitted(generation, by: model)
    }

    /// `format` is TensorRT-LLM's name for OpenAI's `output_format`.
    private mutating func readFormat(_ fields: inout RequestFields) {
        let formats = ["png", "jpeg", "webp"]
        let (openAI, own) = (fields.choice("output_format", formats), fields.choice("format", formats))
        if let openAI, let own, openAI != own { fields.refuse("format", "format and output_format differ") }
        format = openAI ?? own ?? "png"
        guard let percent = fields.integer("output_compression", 0...100) else { return }
        if format == "png" {
            fields.refuse("output_compression", "output_compression is for jpeg and webp; png is lossless")
        }
        quality = max(1, percent)
    }

    /// What OpenAI's models have and diffusion transformers have not.
    private mutating func readWithoutEffect(_ fields: inout RequestFields) {
        if let quality = fields.choice("quality", Self.qualities), !["auto", "standard", "medium"].contains(quality) {
            warnings.append("quality has no effect; num_inference_steps has")
        }
        if fields.choice("style", ["vivid", "natural"]) != nil { warnings.append("style has no effect") }
        if fields.choice("moderation", ["low", "auto"]) == "low" { warnings.append("moderation has no effect") }
        _ = fields.choice("background", ["opaque", "auto"])
    }

    private mutating func readPictures(_ fields: inout RequestFields, _ limits: ServerLimits) throws(APIError) {
        inputs = fields.uploads("image")
        for item in fields.value("image")?.items ?? [] {
            guard case .string(let text) = item else {
                fields.refuse("image", item, expected: "a file, or base64, or a list of these")
                continue
            }
            inputs.append(try Upload(text: text, field: "image"))
        }
        if !fields.uploads("mask").isEmpty || fields.value("mask") != nil {
            fields.refuse("mask", "mask is not supported", code: "unsupported_parameter")
        }
        _ = fields.choice("input_fidelity", ["low", "high"])
        guard !inputs.isEmpty else {
            return fields.refuse("image", "image is needed", code: "missing_required_parameter")
        }
        guard inputs.count <= limits.inputPictures else {
            return fields.refuse(
                "image", "image has \(inputs.count) pictures; at most \(limits.inputPictures) are taken")
        }
        for input in inputs {
            generation.images.append(try input.picture(field: "image", pixelLimit: limits.inputPixels))
        }
    }
}

extension JSON {
    /// The items of a list, or the value itself as the only one.
    var items: [JSON] { if case .array(let items) = self { items } else { [self] } }
}

extension ServerLimits {
    /// Fills in the model's own choices and refuses a request that the model, these limits or the memory do not allow.
    ///
    /// - Parameters:
    ///   - request: what a client asks for
    ///   - model: who computes
    /// - Returns: the request, resolved
    /// - Throws: ``APIError``, `InvalidRequest`
    func admitted(_ request: GenerationRequest, by model: ServedModel) throws -> GenerationRequest {
        let resolved = try model.resolve(request)
        let (width, height) = (resolved.width ?? 0, resolved.height ?? 0)
        if width * height > pixels {
            throw APIError.invalid(
                "size is \(width)x\(height); at most \(pixels) pixels are taken", param: "size",
                code: "too_many_pixels")
        }
        if resolved.cost > Double(work) {
            throw APIError.invalid(
                "pixels times frames times steps are \(Int(resolved.cost)); at most \(work) are taken",
                param: "num_inference_steps", code: "too_much_work")
        }
        try model.requireMemory(for: resolved)
        return resolved
    }
}
