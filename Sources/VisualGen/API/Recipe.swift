package import Diffusion
internal import Files
internal import Foundation
package import Media
package import Tensors

/// How an image or a video was made, as it travels in a PNG's text chunks or in a video's comment.
package struct Recipe: Sendable {
    /// The arguments of `visualgen generate` that make the whole batch again.
    package let arguments: [String]
    private let prompt: String
    private let seed: UInt64
    private let model: String
    private let settings: String

    private static let commandKeyword = "visualgen"

    /// The recipe of one image or video of a request.
    ///
    /// - Parameters:
    ///   - request: the resolved request
    ///   - model: the model's name, as the user gave it
    ///   - dtype: the type of weights and activations
    ///   - compute: how the model computed
    ///   - image: which image or video of the batch
    package init(
        _ request: GenerationRequest, model: String, dtype: DType, _ compute: ComputeSettings = ComputeSettings(),
        image: Int
    ) {
        prompt = request.prompts[image / request.numImagesPerPrompt]
        seed = request.seeds[request.seeds.count * image / request.outputCount]
        self.model = model
        arguments = Self.arguments(request, model, dtype) + compute.arguments
        settings =
            (([
                "\(request.width ?? 0)x\(request.height ?? 0)", request.numFrames.map { "\($0) frames" },
                "\(request.numInferenceSteps ?? 0) steps", request.guidanceScale.map { "guidance \($0)" },
                dtype.rawValue,
            ] as [String?]).compactMap(\.self) + compute.labels).joined(separator: ", ")
    }

    /// For a PNG's chunks or a video's comment; the command is the last.
    package var texts: [PNGText] {
        [
            PNGText(keyword: "Software", text: "VisualGen"),
            PNGText(keyword: "prompt", text: String(prompt.unicodeScalars.filter { $0 != "\0" })),
            PNGText(keyword: "seed", text: "\(seed)"),
            PNGText(keyword: "model", text: model),
            PNGText(keyword: "settings", text: settings),
            PNGText(keyword: Self.commandKeyword, text: Self.json(arguments)),
        ]
    }

    /// The command that made an image.
    ///
    /// - Parameter texts: the image's chunks
    /// - Returns: a line for any POSIX shell that no terminal takes for more than text, or nil if the image does not tell,
    ///   or holds an argument that no program can be given
    package static func command(from texts: [PNGText]) -> String? {
        guard let json = texts.first(where: { $0.keyword == commandKeyword })?.text,
            let arguments = try? JSONDecoder().decode([String].self, from: Data(json.utf8))
        else { return nil }
        let words = arguments.compactMap(\.shellWord)
        return words.count < arguments.count ? nil : (["visualgen", "generate"] + words).joined(separator: " ")
    }

    /// The command that made a video.
    ///
    /// - Parameter comment: the video's comment: a line for each text, more where a text has several
    /// - Returns: as for an image
    package static func command(fromComment comment: String) -> String? {
        guard let recipe = texts(fromComment: comment).last(where: { $0.keyword == commandKeyword }) else { return nil }
        let line = Array(recipe.text.utf8).lines.first ?? []
        return command(from: [PNGText(keyword: commandKeyword, text: Self.text(line))])
    }

    /// The texts of a video's comment.
    ///
    /// - Parameter comment: a line for each text, more where a text has several
    /// - Returns: a text for each line that begins with a word and a colon, to which the lines behind it belong; what stands
    ///   before them under the name `comment`
    package static func texts(fromComment comment: String) -> [PNGText] {
        var texts: [PNGText] = []
        for bytes in Array(comment.utf8).lines {
            let word = bytes.prefix { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 | 0x20 }
            let text = bytes.dropFirst(word.count)
            if !word.isEmpty, text.starts(with: ": ".utf8) {
                texts.append(PNGText(keyword: Self.text(word), text: Self.text(text.dropFirst(2))))
            } else if let last = texts.popLast() {
                texts.append(PNGText(keyword: last.keyword, text: "\(last.text)\n\(Self.text(bytes))"))
            } else {
                texts.append(PNGText(keyword: "comment", text: Self.text(bytes)))
            }
        }
        return texts
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func arguments(_ request: GenerationRequest, _ model: String, _ dtype: DType) -> [String] {
        var arguments = ["--model", model, "--dtype", dtype.rawValue]
        func add(_ name: String, _ value: (some CustomStringConvertible)?) {
            if let value { arguments.append("--\(name)=\(value)") }
        }
        for prompt in request.prompts { add("prompt", prompt) }
        for prompt in request.negativePrompts { add("negative-prompt", prompt) }
        for image in request.images { add("image", image.name) }
        add("last-image", request.lastImage?.name)
        add("height", request.height)
        add("width", request.width)
        add("num-frames", request.numFrames)
        add("frame-rate", request.frameRate)
        add("num-inference-steps", request.numInferenceSteps)
        add("guidance-scale", request.guidanceScale)
        add("max-sequence-length", request.maxSequenceLength)
        add("num-images-per-prompt", request.numImagesPerPrompt)
        for seed in request.seeds { add("seed", seed) }
        // Whether a guardrail was asked changes nothing that was made, and elsewhere there may be none.
        let extra = request.extra.filter { $0.key != ParameterSpec.useGuardrails.name }
        for (key, value) in extra.sorted(by: { $0.key < $1.key }) { add("extra", "\(key)=\(value.json)") }
        return arguments
    }

    private static func json(_ arguments: [String]) -> String {
        (try? JSONEncoder().encode(arguments)).map { String(decoding: $0, as: UTF8.self) } ?? "[]"
    }
}

extension ParameterValue {
    /// The value as JSON.
    fileprivate var json: String {
        switch self {
        case .number(let number): Int(exactly: number).map { "\($0)" } ?? "\(number)"
        case .bool(let flag): "\(flag)"
        case .text(let text):
            (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
        case .list(let items): "[\(items.map(\.json).joined(separator: ","))]"
        case .null: "null"
        }
    }
}
