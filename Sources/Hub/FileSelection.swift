internal import Files

/// Which files of a repository a pipeline needs.
struct FileSelection {
    private static let textEndings = [".json", ".txt", ".model", ".jinja", ".tiktoken"]

    /// Configurations, tokenizers and the indexes of shards: all but weights.
    let small: [String]
    /// Where the weights are.
    let weights: [ComponentWeights]

    /// Selects from a repository in diffusers' form.
    ///
    /// - Parameters:
    ///   - components: the parts that are needed
    ///   - names: the files of the repository
    ///   - model: whose they are
    /// - Throws: ``HubError`` where a part's weights are there in other formats only, or not at all
    init(_ components: [ModelIndex.Component], among names: Set<String>, of model: HubModel) throws(HubError) {
        var small: [String] = []
        var weights: [ComponentWeights] = []
        for component in components {
            let files = Self.files(in: component.name, names)
            small += files.filter(Self.isText)
            guard component.kind == .model else { continue }
            guard let found = ComponentWeights(in: component.name, among: names) else {
                let found = files.map { String($0.dropFirst(component.name.count + 1)) }
                throw .noSafetensors(model, component: component.name, found: found)
            }
            weights.append(found)
            if let index = found.index { small.append(index) }
        }
        (self.small, self.weights) = (small, weights)
    }

    /// Files directly in a folder.
    private static func files(in folder: String, _ names: Set<String>) -> [String] {
        names.filter { $0.pathFolder == "\(folder)/" }.sorted()
    }

    /// Whether a file is text that describes a part; indexes of weights are chosen with the weights.
    private static func isText(_ file: String) -> Bool {
        textEndings.contains { file.hasSuffix($0) } && !file.contains(".index.")
    }

    /// Selects from a repository without `model_index.json`: weights in one piece beside their configuration.
    ///
    /// - Parameters:
    ///   - names: the files of the repository
    ///   - model: whose they are
    /// - Returns: configurations and weights of the root
    /// - Throws: ``HubError`` where no weights are at the root, or some in folders too
    static func monolithic(
        among names: Set<String>, of model: HubModel
    ) throws(HubError) -> (small: [String], weights: [String]) {
        let weights = names.filter { $0.hasSuffix(".safetensors") }.sorted()
        guard !weights.isEmpty, !weights.contains(where: { !$0.isFileName }) else {
            throw .noPipeline(model, found: names.sorted())
        }
        return (names.filter { $0.isFileName && $0.hasSuffix(".json") }.sorted(), weights)
    }

    /// A repository's LoRA file.
    ///
    /// - Parameters:
    ///   - file: its path; nil for the one at the root
    ///   - names: the files of the repository
    ///   - model: whose they are
    /// - Returns: its path; nil if there is none
    /// - Throws: ``HubError`` where none is named and several could be meant
    static func lora(_ file: String?, among names: Set<String>, of model: HubModel) throws(HubError) -> String? {
        if let file { return names.contains(file) ? file : nil }
        let weights = names.filter { $0.isFileName && $0.hasSuffix(".safetensors") }.sorted()
        let named = weights.filter { $0.lowercased().contains("lora") }
        let found = named.isEmpty ? weights : named
        if found.count > 1 { throw .severalLoRAs(model, found: found) }
        return found.first
    }
}
