internal import ArgumentParser
internal import Diffusion
internal import Engine
internal import Foundation

/// What to make: the options that become a ``GenerationRequest``.
struct GenerationOptions: ParsableArguments {
    @Option(
        name: .shortAndLong, parsing: .unconditionalSingleValue,
        help: "What the image or video shows. Repeat it for a batch.")
    var prompt: [String] = []

    @Option(
        name: [.long, .customLong("negative")], parsing: .unconditionalSingleValue,
        help: "What it must not show: one for all prompts, or one for each.")
    var negativePrompt: [String] = []

    @Option(
        name: .long,
        help: "An image to start from: PNG, JPEG, WebP or GIF (the first frame of an animation).")
    var image: [String] = []

    @Option(name: .long, help: "The image that a video ends with.")
    var lastImage: String?

    @Option(name: [.customShort("H"), .long], parsing: .unconditional, help: "Pixels from top to bottom.")
    var height: Int?

    @Option(name: [.customShort("W"), .long], parsing: .unconditional, help: "Pixels from left to right.")
    var width: Int?

    @Option(name: .long, parsing: .unconditional, help: "Width and height at once, as 1024x768.")
    var size: PixelSize?

    @Option(name: [.long, .customLong("frames")], parsing: .unconditional, help: "Frames of a video.")
    var numFrames: Int?

    @Option(name: [.long, .customLong("fps")], parsing: .unconditional, help: "Frames of a video in a second.")
    var frameRate: Double?

    @Option(name: [.long, .customLong("steps")], parsing: .unconditional, help: "Denoising steps.")
    var numInferenceSteps: Int?

    @Option(name: [.long, .customLong("guidance")], parsing: .unconditional, help: "How closely to follow the prompt.")
    var guidanceScale: Double?

    @Option(
        name: .long, parsing: .unconditionalSingleValue,
        help: "Seed of the noise: one for the batch, one for each prompt, or one for each output. Default: random.")
    var seed: [Seed] = []

    @Option(name: .long, parsing: .unconditional, help: "Tokens of a prompt.")
    var maxSequenceLength: Int?

    @Option(
        name: [.customShort("n"), .long], parsing: .unconditional, help: "Images or videos of each prompt.")
    var numImagesPerPrompt: Int = 1

    @Option(name: .long, help: "A parameter that only this model's family has, as KEY=VALUE; VALUE may be JSON.")
    var extra: [ExtraParameter] = []

    /// The request, as far as the command line says; its images are read.
    func request() throws -> GenerationRequest {
        var request = GenerationRequest(prompts: prompt)
        if let size, height ?? size.height != size.height || width ?? size.width != size.width {
            throw RequestError.value("size", found: "\(size)", expected: "the same as --width and --height")
        }
        request.images = try image.map { try Self.image("image", $0) }
        request.lastImage = try lastImage.map { try Self.image("last_image", $0) }
        request.negativePrompts = negativePrompt
        request.height = size?.height ?? height
        request.width = size?.width ?? width
        request.numFrames = numFrames
        request.frameRate = frameRate
        request.numInferenceSteps = numInferenceSteps
        request.guidanceScale = guidanceScale
        request.maxSequenceLength = maxSequenceLength
        request.numImagesPerPrompt = numImagesPerPrompt
        request.seeds = seed.map(\.value)
        for parameter in extra { request.extra[parameter.key] = parameter.value }
        return request
    }
}

extension GenerationOptions {
    private static func image(_ field: String, _ path: String) throws -> RequestImage {
        if path.isEmpty { throw RequestError.value(field, found: "empty", expected: "an image's path") }
        return try RequestImage(path: path)
    }
}

/// Width and height as one argument.
struct PixelSize: ExpressibleByArgument, CustomStringConvertible {
    let width, height: Int

    init?(argument: String) {
        let parts = argument.lowercased().split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, let width = Int(parts[0]), let height = Int(parts[1]) else { return nil }
        (self.width, self.height) = (width, height)
    }

    var description: String { "\(width)x\(height)" }
}

/// A seed as torch takes it: from -2^63 to 2^64 - 1, negative ones counted from 2^64 down.
struct Seed: ExpressibleByArgument {
    let value: UInt64

    init?(argument: String) {
        if let value = UInt64(argument) {
            self.value = value
        } else if let value = Int64(argument) {
            self.value = UInt64(bitPattern: value)
        } else {
            return nil
        }
    }
}

/// One `KEY=VALUE`.
struct ExtraParameter: ExpressibleByArgument {
    let key: String
    let value: ParameterValue

    init?(argument: String) {
        let bytes = argument.utf8
        guard let sign = bytes.firstIndex(of: UInt8(ascii: "=")), sign != bytes.startIndex else { return nil }
        key = String(decoding: bytes[..<sign], as: UTF8.self)
        value = ParameterValue(text: String(decoding: bytes[bytes.index(after: sign)...], as: UTF8.self))
    }
}

extension ParameterValue {
    /// Reads JSON if it is JSON, else takes the text as it is.
    init(text: String) {
        let json = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed])
        self = json.flatMap(ParameterValue.init(json:)) ?? .text(text)
    }
}
