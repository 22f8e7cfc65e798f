internal import Diffusion
internal import Engine
internal import Files

/// What a client asks of the image routes, checked.
struct ImageRequest {
    /// How the client wants the images.
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
    /// The images to change, as the client sent them.
    private(set) var inputs: [Upload] = []
    /// The size of each of them.
    private(set) var inputSizes: [OutputSize] = []
    private(set) var warnings: [String] = []

    /// Reads and checks a request.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - task: which of the routes
    ///   - isAsync: whether its client does not wait for the images
    ///   - model: who makes the images
    ///   - limits: how much is taken
    ///   - principal: who asks
    ///   - share: the memory that checking takes
    /// - Throws: ``APIError`` with everything that is wrong, `InvalidRequest`, `CancellationError`
    init(
        _ fields: RequestFields, task: ImageTask, isAsync: Bool, model: ServedModel, _ limits: ServerLimits,
        _ principal: Principal, _ share: RequestMemory.Share
    ) throws {
        if task == .edit, !model.editsImages {
            throw APIError.invalid(
                "\(model.name) cannot edit images", param: "model", code: "model_cannot_edit")
        }
        var fields = fields
        let common = CommonFields(&fields, model: model, limits, principal)
        (generation, priority, seedIsDrawn) = (common.generation, common.priority, common.seedIsDrawn)
        warnings = common.warnings
        generation.numImagesPerPrompt = fields.integer("n", 1...limits.images) ?? 1
        delivery = fields.choice("response_format", ["url", "b64_json"]) == "b64_json" ? .base64 : .url
        readFormat(&fields)
        isStream = fields.flag("stream") ?? false
        // OpenAI's events carry the image itself.
        if isStream { delivery = .base64 }
        partialImages = fields.integer("partial_images", 0...3) ?? 0
        if partialImages > 0, !isStream, !isAsync {
            fields.refuse("partial_images", "partial_images needs stream, or Prefer: respond-async")
        }
        if isStream, generation.numImagesPerPrompt > 1 { fields.refuse("n", "n must be 1 with stream") }
        readWithoutEffect(&fields, task: task)
        if task == .edit { try readImages(&fields, limits) }
        if model.makesVideos, model.imageDefaults != nil { readLength(&fields, limits) }
        try fields.finish()
        generation.previews = partialImages
        guard model.imageDefaults != nil else {
            throw APIError.invalid(
                "\(model.name) makes videos: POST /v1/videos", param: "model", code: "model_not_supported")
        }
        let admitted = try limits.admitted(generation, by: model)
        generation = admitted.request
        warnings += admitted.notes.map(\.description)
        // Only now: what is refused for another reason need not be decoded.
        inputSizes = try inputs.map { try $0.check(field: "image", pixelLimit: limits.inputPixels, share) }
    }

    /// The images, which are then no longer kept here.
    mutating func takeInputs() -> [Upload] {
        defer { inputs = [] }
        return inputs
    }

    /// `format` is TensorRT-LLM's name for OpenAI's `output_format`.
    private mutating func readFormat(_ fields: inout RequestFields) {
        let formats = ["png", "jpeg", "webp"]
        let (openAI, own) = (fields.choice("output_format", formats), fields.choice("format", formats))
        if let openAI, let own, openAI != own {
            fields.refuse("format", "format is \(own) and output_format is \(openAI); they mean the same")
        }
        format = openAI ?? own ?? "png"
        guard let percent = fields.integer("output_compression", 0...100) else { return }
        // 100 is what OpenAI has where nothing is asked for.
        if format == "png", percent < 100 {
            fields.refuse("output_compression", "output_compression is for jpeg and webp; png is lossless")
        }
        quality = format == "png" ? nil : max(1, percent)
    }

    /// An image of a model of videos is a video of one frame.
    private mutating func readLength(_ fields: inout RequestFields, _ limits: ServerLimits) {
        generation.numFrames = 1
        if let frames = fields.integer("num_frames", 1...limits.frames), frames > 1 {
            fields.refuse("num_frames", "num_frames is \(frames); an image has 1, and POST /v1/videos makes videos")
        }
        if generation.extra["enable_audio"]?.flag == true {
            fields.refuse("extra_params", "enable_audio is true; it must be left out: an image has no sound")
        }
    }

    /// What OpenAI's models have and diffusion transformers have not.
    private mutating func readWithoutEffect(_ fields: inout RequestFields, task: ImageTask) {
        // With the words that ask for nothing else than what is done.
        for (name, plain, hint) in [
            ("quality", ["auto", "standard", "medium"], "; num_inference_steps has"), ("style", [], ""),
            ("moderation", ["auto"], ""), ("background", ["auto", "opaque"], "; images are opaque"),
            ("input_fidelity", task == .edit ? ["low"] : nil, ""),
        ] {
            guard let plain, let word = fields.text(name), !plain.contains(word) else { continue }
            warnings.append("\(name) \(word.quoted) has no effect\(hint)")
        }
    }

    private mutating func readImages(_ fields: inout RequestFields, _ limits: ServerLimits) throws(APIError) {
        inputs = fields.uploads("image")
        for item in fields.items("image") {
            guard case .string(let text) = item else {
                fields.refuse("image", item, expected: "a file, or base64, or a list of these")
                continue
            }
            inputs.append(try Upload(text: text, field: "image"))
        }
        if !fields.uploads("mask").isEmpty || fields.value("mask") != nil {
            fields.refuse("mask", "mask is not supported", code: "unsupported_parameter")
        }
        guard !inputs.isEmpty else {
            return fields.refuse("image", "image is needed", code: "missing_required_parameter")
        }
        guard inputs.count <= limits.inputImages else {
            return fields.refuse(
                "image", "image has \(inputs.count) images; at most \(limits.inputImages) are taken")
        }
        generation.images = try inputs.map { upload throws(APIError) in try upload.outline(field: "image") }
    }
}

extension ServerLimits {
    /// Fills in the model's own choices and refuses a request that the model, these limits or the memory do not allow.
    ///
    /// - Parameters:
    ///   - request: what a client asks for
    ///   - model: who computes
    /// - Returns: the request, resolved, and what is to be told of it
    /// - Throws: ``APIError``, `InvalidRequest`
    func admitted(_ request: GenerationRequest, by model: ServedModel) throws -> AdmittedRequest {
        try model.admission.admit(request, check: check)
    }

    private func check(_ resolved: GenerationRequest) throws {
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
    }
}
