internal import Files
internal import Foundation

/// `model_index.json`: the parts of a pipeline.
struct ModelIndex {
    static let name = "model_index.json"

    /// The parts that are there, sorted by name.
    let components: [Component]

    /// One part, in the folder of its name.
    struct Component: Equatable {
        let name, className: String
    }

    /// Keeps the pairs of a library and a class; a part without a class is one that the model does not have.
    ///
    /// - Parameters:
    ///   - json: the file
    ///   - model: whose it is
    init(_ json: [UInt8], of model: HubModel) throws(HubError) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json)), let entries = object as? [String: Any]
        else { throw .modelIndex(model, "it is not a JSON object") }
        var components: [Component] = []
        for (name, value) in entries.sorted(by: { $0.key < $1.key }) {
            guard let pair = value as? [Any], pair.count == 2, pair[0] is String, let className = pair[1] as? String
            else { continue }
            guard RepositoryFile.isSafe(name), name.isFileName else { throw .unsafeName(name) }
            components.append(Component(name: name, className: className))
        }
        if components.isEmpty { throw .modelIndex(model, "it names no part of a pipeline") }
        self.components = components
    }
}

extension ModelIndex.Component {
    /// What kind of part a class is, by the naming of its library.
    enum Kind {
        case scheduler, tokenizer, processor, model
    }

    var kind: Kind {
        let name = className.hasSuffix("Fast") ? className.dropLast(4) : className[...]
        if name.hasSuffix("Scheduler") { return .scheduler }
        if name.hasSuffix("Tokenizer") { return .tokenizer }
        return name.hasSuffix("Processor") || name.hasSuffix("FeatureExtractor") ? .processor : .model
    }

    /// Which of a snapshot's files are still to come before this part can be loaded, as far as can be told without the
    /// hub's listing.
    ///
    /// Weights are linked into a snapshot after everything else, so where they are, the rest is.
    ///
    /// - Parameters:
    ///   - names: the files that are there
    ///   - read: gives a file's bytes
    /// - Returns: a file that is missing, nil where all is there
    /// - Throws: ``HubError`` for an index of shards that cannot be read
    func missingFile(from names: Set<String>, read: (String) throws(HubError) -> [UInt8]) throws(HubError) -> String? {
        switch kind {
        case .scheduler: return first(missing: "scheduler_config.json", from: names)
        case .processor:
            let isThere = names.contains { $0.hasPrefix("\(name)/") && $0.hasSuffix("processor_config.json") }
            return isThere ? nil : "\(name)/preprocessor_config.json"
        case .tokenizer:
            let vocabularies = ["tokenizer.json", "vocab.json", "vocab.txt", ".model", ".tiktoken"]
            let isThere = names.contains { file in
                file.hasPrefix("\(name)/") && vocabularies.contains { file.hasSuffix($0) }
            }
            return first(missing: "tokenizer_config.json", from: names) ?? (isThere ? nil : "\(name)/tokenizer.json")
        case .model:
            guard let weights = ComponentWeights(in: name, among: names) else {
                return first(missing: "config.json", from: names) ?? "\(name)/model.safetensors"
            }
            for file in try weights.files(read: read) where !names.contains(file) { return file }
            return first(missing: "config.json", from: names)
        }
    }

    private func first(missing file: String, from names: Set<String>) -> String? {
        names.contains("\(name)/\(file)") ? nil : "\(name)/\(file)"
    }
}
