internal import Diffusion
internal import Engine
internal import Files
internal import Media

/// What a client asks of the video routes, checked.
struct VideoRequest {
    /// Resolved by the model.
    private(set) var generation: GenerationRequest
    private(set) var priority: Priority
    private(set) var seedIsDrawn: Bool
    private(set) var format = VideoFormat.best
    /// The images to begin and to end with, as the client sent them; the last one ends it if there is a last image.
    private(set) var inputs: [Upload] = []
    private(set) var warnings: [String] = []

    /// Reads and checks a request.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - model: who makes the video
    ///   - limits: how much is taken
    ///   - principal: who asks
    ///   - share: the memory that checking takes
    /// - Throws: ``APIError`` with everything that is wrong, `InvalidRequest`, `CancellationError`
    init(
        _ fields: RequestFields, model: ServedModel, _ limits: ServerLimits, _ principal: Principal,
        _ share: RequestMemory.Share
    ) throws {
        var fields = fields
        let common = CommonFields(&fields, model: model, limits, principal)
        (generation, priority, seedIsDrawn) = (common.generation, common.priority, common.seedIsDrawn)
        warnings = common.warnings
        readFormat(&fields)
        readLength(&fields, model, limits)
        let images = try VideoImages(&fields, limits)
        (inputs, generation.images, generation.lastImage) = (images.inputs, images.first, images.last)
        generation.previews = fields.integer("partial_images", 0...3) ?? 0
        try fields.finish()
        guard model.makesVideos else {
            throw APIError.invalid(
                "\(model.name) makes images: POST /v1/images/generations", param: "model",
                code: "model_not_supported")
        }
        do {
            let admitted = try limits.admitted(generation, by: model)
            generation = admitted.request
            warnings += admitted.notes.map(\.description)
        } catch let problem as InvalidRequest {
            throw problem.naming(["image": images.fields.first, "last_image": "image_reference"])
        }
        // Only now: what is refused for another reason need not be decoded.
        for (input, field) in zip(inputs, images.fields) {
            _ = try input.check(field: field, pixelLimit: limits.inputPixels, share)
        }
    }

    /// The images, which are then no longer kept here.
    mutating func takeInputs() -> [Upload] {
        defer { inputs = [] }
        return inputs
    }

    private mutating func readFormat(_ fields: inout RequestFields) {
        let formats = VideoFormat.allCases.filter { $0.fileExtension != nil }
        if let name = fields.choice("format", ["auto"] + formats.compactMap(\.fileExtension)), name != "auto" {
            format = formats.first { $0.fileExtension == name } ?? format
            if !format.isAvailable { fields.refuse("format", "format \(name) cannot be written on this machine") }
        }
        if let value = fields.value("response_format"), value.word != "file" {
            fields.refuse(
                "response_format",
                "response_format is \(value.told); videos are delivered as files: GET /v1/videos/{id}/content",
                code: "unsupported_value")
        }
    }

    /// `num_frames`, or else `seconds` times the frame rate.
    private mutating func readLength(_ fields: inout RequestFields, _ model: ServedModel, _ limits: ServerLimits) {
        let fps = fields.number("fps", 0.1...limits.frameRate)
        let frameRate = fields.number("frame_rate", 0.1...limits.frameRate)
        if let fps, let frameRate, fps != frameRate {
            fields.refuse("frame_rate", "frame_rate is \(frameRate) and fps is \(fps); they mean the same")
        }
        generation.frameRate = frameRate ?? fps
        let rate = generation.frameRate ?? model.offer.defaults.frameRate
        checkRate(rate, field: fps != nil ? "fps" : frameRate != nil ? "frame_rate" : "format", &fields)
        let seconds = fields.number("seconds", 0.001...limits.seconds, asText: true)
        generation.numFrames = fields.integer("num_frames", 1...limits.frames)
        guard let seconds else { return }
        guard generation.numFrames == nil else { return warnings.append("seconds has no effect beside num_frames") }
        guard let rate else {
            return fields.refuse("seconds", "seconds needs fps: \(model.name) has no frame rate of its own")
        }
        let frames = Self.frames(seconds, rate)
        if frames < 1 { fields.refuse("seconds", "seconds is \(seconds), less than a frame at \(rate) a second") }
        if frames > Double(limits.frames) {
            fields.refuse("seconds", "seconds is \(seconds), more than \(limits.frames) frames at \(rate) a second")
        }
        generation.numFrames = Int(min(max(1, frames), Double(limits.frames)))
    }

    /// How many whole frames there are in some seconds: 4.64 s at 25 are 116, though their product in binary is a little less.
    private static func frames(_ seconds: Double, _ rate: Double) -> Double {
        let (product, nearest) = (seconds * rate, (seconds * rate).rounded())
        return abs(product - nearest) <= 1e-9 * max(1, nearest) ? nearest : product.rounded(.down)
    }

    /// Refuses a rate that the format does not have, before anything is computed.
    private func checkRate(_ rate: Double?, field: String, _ fields: inout RequestFields) {
        guard let rate, format.isAvailable else { return }
        do {
            try VideoEncoding(format).validate(at: FrameRate(rate))
        } catch {
            fields.refuse(field, "\(field) does not suit the request: \(error)")
        }
    }
}

extension InvalidRequest {
    /// The same in the words of a client that has other names for some fields.
    fileprivate func naming(_ names: [String: String?]) -> InvalidRequest {
        InvalidRequest(
            problems.map { problem in
                guard let field = problem.field, let name = names[field] ?? nil else { return problem }
                return switch problem {
                case .value(_, let found, let expected): .value(name, found: found, expected: expected)
                case .notForModel(_, let model, let known, let nearest):
                    .notForModel(name, model: model, known: known, nearest: nearest)
                case .count(_, let found, let expected): .count(name, found: found, expected: expected)
                case .missing: .missing(name)
                case .memory: problem
                }
            })
    }
}

/// The images of a request for a video.
struct VideoImages {
    private(set) var inputs: [Upload] = []
    /// The field of each.
    private(set) var fields: [String] = []
    /// What the model is told of them until they are decoded.
    private(set) var first: [RequestImage] = []
    private(set) var last: RequestImage?

    /// Reads OpenAI's `input_reference` and TensorRT-LLM's `image_reference`.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - limits: how much is taken
    init(_ fields: inout RequestFields, _ limits: ServerLimits) throws(APIError) {
        var begin: [(upload: Upload, field: String)] = []
        var end: [Upload] = []
        for name in ["input_reference", "image_reference"] {
            begin += fields.uploads(name).map { ($0, name) }
            for item in fields.items(name) {
                let (upload, role) = try Self.reference(item, name, &fields)
                guard let upload else { continue }
                if role == "last_frame" { end.append(upload) } else { begin.append((upload, name)) }
            }
        }
        for name in ["video_reference", "audio_reference"]
        where !fields.uploads(name).isEmpty || fields.value(name) != nil {
            fields.refuse(name, "\(name) is not supported", code: "unsupported_parameter")
        }
        if begin.count + end.count > limits.inputImages || end.count > 1 {
            fields.refuse("image_reference", "there are too many images")
        }
        guard fields.problems.isEmpty else { return }
        first = begin.map { RequestImage(outlineOf: $0.upload.name) }
        last = end.first.map { RequestImage(outlineOf: $0.name) }
        inputs = begin.map(\.upload) + end
        self.fields = begin.map(\.field) + end.map { _ in "image_reference" }
    }

    /// One reference: base64, a data URL, or an object that holds one.
    private static func reference(
        _ item: JSON, _ name: String, _ fields: inout RequestFields
    ) throws(APIError) -> (Upload?, role: String?) {
        if case .string(let text) = item { return (try Upload(text: text, field: name), nil) }
        guard case .object(let members) = item else {
            fields.refuse(name, item, expected: "base64, a data URL, or an object with content")
            return (nil, nil)
        }
        var (content, role): (String?, String?)
        for member in members {
            switch (member.key, member.value) {
            case ("content", .string(let text)), ("image_url", .string(let text)): content = text
            case ("role", _) where ["first_frame", "last_frame", "reference"].contains(member.value.word):
                role = member.value.word
            case ("format", _) where member.value.word == "base64": break
            case ("role", .null), ("format", .null): break
            default: fields.refuse(name, "\(name).\(member.key) is \(member.value.told), which is not supported")
            }
        }
        return (try content.map { text throws(APIError) in try Upload(text: text, field: name) }, role)
    }
}
