package import Diffusion
internal import Layers
internal import Tokenizers

extension Cosmos3 {
    /// What makes tokens of prompts.
    package final class PromptReader {
        private let tokenizer: Tokenizer
        private let template: ChatTemplate
        private let model: Cosmos3
        /// What follows a chat: the token that ends a turn, and the one behind which a video begins.
        private let ending: [Int32]
        /// The last request's, whose keys the next one may need again.
        private var kept: [Prompt] = []

        private static let name = "text_tokenizer"
        private static let start = "<|vision_start|>"

        /// - Parameter model: whose checkpoint has the tokenizer
        /// - Throws: ``CheckpointError``, ``TokenizerError`` or ``ConfigError``
        package init(_ model: Cosmos3) throws {
            self.model = model
            let checkpoint = model.checkpoint
            let folder = try checkpoint.folder(Self.name, classes: ["Qwen2Tokenizer", "Qwen2TokenizerFast"])
            tokenizer = try Tokenizer(folder: folder, className: checkpoint.components[Self.name] ?? nil)
            template = try ChatTemplate(folder: folder)
            try tokenizer.require(["<|im_start|>", "<|im_end|>", Self.start], in: Self.name)
            guard let end = tokenizer.id(of: .eos), let start = tokenizer.id(of: Self.start) else {
                throw TokenizerError.lacksTokens([Tokenizer.Role.eos.rawValue], in: Self.name)
            }
            ending = [end, start]
        }

        /// The prompts of a request, and the negative ones with guidance, one for each output.
        ///
        /// A prompt that the last request had, too, is the same one: the text tower need not read it again.
        ///
        /// - Parameters:
        ///   - request: a resolved request
        ///   - branches: of its guidance
        ///   - trace: where the ids are recorded, -1 behind those of short prompts; or nil
        /// - Returns: by branch
        /// - Throws: ``TokenizerError``, ``InvalidRequest`` for a prompt that is too long, or ``ConfigError`` for a token that
        ///   the transformer has no row for
        package func prompts(of request: GenerationRequest, _ branches: [Guidance.Branch], _ trace: Trace?) throws
            -> [Guidance.Branch: [Prompt]]
        {
            let template = PromptTemplate(request, usesSystemPrompt: model.parts.usesSystemPrompt)
            var (result, all): ([Guidance.Branch: [Prompt]], [Prompt]) = ([:], [])
            for branch in branches {
                let isNegative = branch == .negative
                let texts = isNegative ? request.negativePrompts : request.prompts
                let prompts = try texts.map { text in
                    let ids = try ids(of: template.chat(text, isNegative: isNegative))
                    let limit = request.maxSequenceLength ?? 1
                    if ids.count > limit { throw tooLong(isNegative, ids.count, limit) }
                    let prompt = (all + kept).first { $0.ids == ids } ?? Prompt(ids)
                    all.append(prompt)
                    return prompt
                }
                trace?.record("\(isNegative ? "negative_" : "")input_ids.transformer", ids: filled(prompts.map(\.ids)))
                result[branch] = (0..<request.outputCount).map { prompts[$0 * prompts.count / request.outputCount] }
            }
            kept = all
            return result
        }

        private func ids(of chat: [ChatMessage]) throws -> [Int32] {
            let text = try tokenizer.render(chat, by: template, ["add_generation_prompt": .bool(true)])
            let ids = try tokenizer.encode(text, addSpecialTokens: false) + ending
            let (transformer, greatest) = (model.parts.transformer, Int(ids.max() ?? 0))
            guard greatest < transformer.config.vocabSize else {
                throw transformer.error(
                    .misfit("vocab_size", transformer.config.vocabSize, to: "a token of \(Self.name)", greatest))
            }
            return ids
        }

        private func tooLong(_ isNegative: Bool, _ count: Int, _ limit: Int) -> InvalidRequest {
            InvalidRequest([
                .value(
                    isNegative ? "negative_prompt" : "prompt", found: "\(count) tokens long with what stands around it",
                    expected: "no longer than max_sequence_length, \(limit)")
            ])
        }

        /// Rows of one length, for a trace.
        private func filled(_ rows: [[Int32]]) -> [[Int32]] {
            let length = rows.map(\.count).max() ?? 0
            return rows.map { $0 + Array(repeating: -1, count: length - $0.count) }
        }
    }
}
