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
    /// The pictures to begin and to end with, as the client sent them; the last one ends it if there is a last picture.
    private(set) var inputs: [Upload] = []
    private(set) var warnings: [String] = []

    /// Reads and checks a request.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - model: who makes the video
    ///   - limits: how much is taken
    ///   - principal: who asks
    /// - Throws: ``APIError`` with everything that is wrong, `InvalidRequest`
    init(_ fields: RequestFields, model: ServedModel, _ limits: ServerLimits, _ principal: Principal) throws {
        var fields = fields
        let common = CommonFields(&fields, model: model.name, limits, principal)
        (generation, priority, seedIsDrawn) = (common.generation, common.priority, common.seedIsDrawn)
        warnings = common.warnings
        readFormat(&fields)
        readLength(&fields, model, limits)
        let pictures = try VideoPictures(&fields, limits)
        (inputs, generation.images, generation.lastImage) = (pictures.inputs, pictures.first, pictures.last)
        generation.previews = fields.integer("partial_images", 0...3) ?? 0
        try fields.finish()
        guard model.makesVideos else {
            throw APIError.invalid(
                "\(model.name) makes pictures: POST /v1/images/generations", param: "model",
                code: "model_not_supported")
        }
        generation = try limits.admitted(generation, by: model)
    }

    private mutating func readFormat(_ fields: inout RequestFields) {
        let formats = VideoFormat.allCases.filter { $0.fileExtension != nil }
        if let name = fields.choice("format", ["auto"] + formats.compactMap(\.fileExtension)), name != "auto" {
            format = formats.first { $0.fileExtension == name } ?? format
            if !format.isAvailable { fields.refuse("format", "format \(name) cannot be written on this machine") }
        }
        if let value = fields.value("response_format"), value != .string("file") {
            fields.refuse(
                "response_format",
                "response_format is \(value.told); videos are delivered as files: GET /v1/videos/{id}/content",
                code: "unsupported_value")
        }
    }

    /// `num_frames`, or else `seconds` times the frame rate.
    private mutating func readLength(_ fields: inout RequestFields, _ model: ServedModel, _ limits: ServerLimits) {
        let fps = fields.number("fps", 0.1...limits.frameRate)
        generation.frameRate = fields.number("frame_rate", 0.1...limits.frameRate) ?? fps
        let seconds = fields.number("seconds", 0.001...limits.seconds, asText: true)
        generation.numFrames = fields.integer("num_frames", 1...limits.frames)
        guard let seconds, generation.numFrames == nil else { return }
        guard let rate = generation.frameRate ?? model.offer.defaults.frameRate else {
            return fields.refuse("seconds", "seconds needs fps: \(model.name) has no frame rate of its own")
        }
        let frames = Int(seconds * rate)
        if frames < 1 { fields.refuse("seconds", "seconds is \(seconds), less than a frame at \(rate) a second") }
        generation.numFrames = max(1, frames)
    }
}

/// The pictures of a request for a video.
struct VideoPictures {
    private(set) var inputs: [Upload] = []
    private(set) var first: [InputPicture] = []
    private(set) var last: InputPicture?

    /// Reads OpenAI's `input_reference` and TensorRT-LLM's `image_reference`.
    ///
    /// - Parameters:
    ///   - fields: the request's
    ///   - limits: how much is taken
    /// - Throws: ``APIError``
    init(_ fields: inout RequestFields, _ limits: ServerLimits) throws(APIError) {
        var begin: [(upload: Upload, field: String)] = []
        var end: [Upload] = []
        for name in ["input_reference", "image_reference"] {
            begin += fields.uploads(name).map { ($0, name) }
            for item in fields.value(name)?.items ?? [] {
                let (upload, role) = try Self.reference(item, name, &fields)
                guard let upload else { continue }
                if role == "last_frame" { end.append(upload) } else { begin.append((upload, name)) }
            }
        }
        if let text = fields.text("input_reference[image_url]") {
            begin.append((try Upload(text: text, field: "input_reference"), "input_reference"))
        }
        for name in ["input_reference[file_id]", "video_reference", "audio_reference"]
        where fields.value(name) != nil || !fields.uploads(name).isEmpty {
            fields.refuse(name, "\(name) is not supported", code: "unsupported_parameter")
        }
        if begin.count + end.count > limits.inputPictures || end.count > 1 {
            fields.refuse("image_reference", "there are too many pictures")
        }
        guard fields.problems.isEmpty else { return }
        for (upload, field) in begin {
            first.append(try upload.picture(field: field, pixelLimit: limits.inputPixels))
        }
        last = try end.first?.picture(field: "image_reference", pixelLimit: limits.inputPixels)
        inputs = begin.map(\.upload) + end
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
            case ("role", .string(let word)) where ["first_frame", "last_frame", "reference"].contains(word):
                role = word
            case ("format", .string("base64")), ("role", .null), ("format", .null): break
            default: fields.refuse(name, "\(name).\(member.key) is \(member.value.told), which is not supported")
            }
        }
        return (try content.map { text throws(APIError) in try Upload(text: text, field: name) }, role)
    }
}
