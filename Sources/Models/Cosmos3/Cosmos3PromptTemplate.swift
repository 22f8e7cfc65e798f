internal import Diffusion
internal import Foundation
internal import Tokenizers

extension Cosmos3 {
    /// What stands around a prompt, as in training: what is asked of the model, and how long and how large the video is.
    // Source: diffusers 0.42.1, pipelines/cosmos/pipeline_cosmos3_omni.py, `tokenize_prompt`.
    struct PromptTemplate {
        private let size: OutputSize
        private let rate: Double
        private let tellsDuration, tellsResolution, hasSystemPrompt: Bool

        /// - Parameters:
        ///   - request: a resolved request
        ///   - usesSystemPrompt: whether the system's text comes first where the request does not say
        init(_ request: GenerationRequest, usesSystemPrompt: Bool) {
            (size, rate) = (OutputSize(request), request.frameRate ?? 1)
            func flag(_ name: String) -> Bool? { request.extra[name]?.flag }
            tellsDuration = flag("use_duration_template") ?? true
            tellsResolution = flag("use_resolution_template") ?? true
            hasSystemPrompt = flag("use_system_prompt") ?? usesSystemPrompt
        }

        private var isImage: Bool { size.frames == 1 }

        /// The chat that a prompt becomes.
        ///
        /// - Parameters:
        ///   - prompt: what the user wrote
        ///   - isNegative: whether it says what the video is not
        func chat(_ prompt: String, isNegative: Bool) -> [ChatMessage] {
            var text = prompt
            let not = isNegative ? "not " : ""
            if tellsDuration, !isImage {
                let seconds = String(format: "%.1f", Double(size.frames ?? 1) / rate)
                let rate = String(format: "%.0f", rate)
                text = joined(text, "The video is \(not)\(seconds) seconds long and is \(not)of \(rate) FPS.")
            }
            if tellsResolution {
                let kind = isImage ? "image" : "video"
                text = joined(text, "This \(kind) is \(not)of \(size.height)x\(size.width) resolution.")
            }
            let system =
                "You are a helpful assistant who will generate \(isImage ? "images" : "videos") from a give prompt."
            return (hasSystemPrompt ? [ChatMessage(.system, system)] : []) + [ChatMessage(.user, text)]
        }

        /// A text and a sentence behind it.
        private func joined(_ text: String, _ sentence: String) -> String {
            let bare = String(text.reversed().drop { $0 == "." }.reversed())
            return bare.isEmpty ? sentence : "\(bare). \(sentence)"
        }
    }
}
