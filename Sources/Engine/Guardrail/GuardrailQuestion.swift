internal import Diffusion
internal import Foundation
internal import Media

/// What a checker is asked, as JSON.
struct GuardrailQuestion: Encodable, Sendable {
    /// An image or a frame, as a JPEG in base64.
    struct Picture: Encodable, Sendable {
        let mediaType = "image/jpeg"
        let data: Data
        /// What the request brings it for: `image` or `last_image`.
        var role: String?
        /// Its place in the video, from 0; 0 for an image.
        var index: Int?
    }

    let stage: GuardrailError.Stage
    let prompt: String
    var negativePrompt: String?
    /// The family's own parameters, such as a second prompt.
    var extraParams: [String: ParameterValue]?
    /// What the request brings along.
    var images: [Picture]?
    /// Of one image or video that was made, in order.
    var frames: [Picture]?
    /// How many frames the whole has; 1 for an image.
    var frameCount: Int?

    /// One for each prompt.
    ///
    /// - Parameter request: settled, its images decoded
    /// - Throws: `MediaError`
    static func prompts(of request: GenerationRequest) throws(MediaError) -> [GuardrailQuestion] {
        var images: [Picture] = []
        for image in request.images { images.append(try Picture(image, role: "image")) }
        if let last = request.lastImage { images.append(try Picture(last, role: "last_image")) }
        return request.prompts.indices.map { index in
            var question = GuardrailQuestion(stage: .prompt, request, index)
            (question.images, question.extraParams) = (images, request.extra)
            return question
        }
    }

    /// One for each image or video.
    ///
    /// - Parameters:
    ///   - outputs: the frames of each
    ///   - request: what they were made of
    static func outputs(_ outputs: [OutputSample.Output], of request: GenerationRequest) -> [GuardrailQuestion] {
        outputs.enumerated().map { index, output in
            var question = GuardrailQuestion(stage: .output, request, index / request.numImagesPerPrompt)
            (question.frames, question.frameCount) = (output.frames, output.frameCount)
            return question
        }
    }

    private init(stage: GuardrailError.Stage, _ request: GenerationRequest, _ prompt: Int) {
        let negative = request.negativePrompts
        (self.stage, self.prompt) = (stage, request.prompts[prompt])
        negativePrompt = negative.indices.contains(prompt) ? negative[prompt] : negative.first
    }

    /// The question as it is sent.
    ///
    /// - Throws: `EncodingError`
    func json() throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return [UInt8](try encoder.encode(self))
    }
}

extension GuardrailQuestion.Picture {
    fileprivate init(_ image: RequestImage, role: String) throws(MediaError) {
        let pixels = image.pixels
        try self.init(Image(width: pixels.width, height: pixels.height, pixels: pixels.bytes))
        self.role = role
    }

    /// - Parameter image: an image or a frame
    /// - Throws: `MediaError`
    init(_ image: Image) throws(MediaError) { data = Data(try image.encoded(.jpeg())) }
}
