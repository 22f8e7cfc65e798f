internal import Diffusion
package import Layers

/// The config of a model that looks tokens up in a table.
package protocol VocabularyConfig: ModelConfig {
    /// Rows of the table.
    var vocabSize: Int { get }
}

extension CLIPTextConfig: VocabularyConfig {}
extension T5Config: VocabularyConfig {}

extension Component where Config: VocabularyConfig {
    /// Checks that the table has a row for every token.
    ///
    /// - Parameters:
    ///   - ids: the tokens of each text
    ///   - tokenizer: the name of the component that made them
    func requireRows(for ids: [[Int32]], of tokenizer: String) throws(ConfigError) {
        let greatest = Int(ids.lazy.compactMap { $0.max() }.max() ?? 0)
        guard greatest < config.vocabSize else {
            throw ConfigError(
                file: "\(folder)/config.json",
                fault: .misfit("vocab_size", config.vocabSize, to: "a token of \(tokenizer)", greatest))
        }
    }
}
