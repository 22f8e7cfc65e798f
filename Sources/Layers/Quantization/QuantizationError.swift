package import Files

/// What is wrong with the quantised weights of a checkpoint, or with how its weights are to be quantised.
package enum QuantizationError: BlamedError, Equatable {
    /// A tensor that a quantised weight needs.
    case missing(String, for: String, in: String)
    /// A tensor that all other layers of its kind have.
    case missingHere(String, in: String)
    /// A tensor that has no use beside a weight, and what the weight is.
    case stray(String, beside: String, as: String, in: String)
    case shape(String, in: String, expected: String, found: [Int])
    case dtype(String, in: String, expected: String, found: String)
    /// Numbers that no quantised weight has, and what they must be.
    case value(String, in: String, found: String, expected: String)
    /// A key of a checkpoint's own description.
    case description(String, in: String, found: String, expected: String)
    /// Two descriptions of one checkpoint that say different things.
    case differing(String, String)
    /// A layer that a description says something else of than its tensors.
    case contradiction(String, is: String, described: String, in: String)
    /// A layer that a description names and the model does not have.
    case unknownLayer(String, in: String)
    /// Layers whose rows cannot be cut into groups: how wide they are, by the layer's name or a pattern of several.
    case groups([String: Int], of: Int)
    /// A weight that cannot be quantised, as it holds a number that is not finite.
    case notFinite(String)
    /// A weight that is stored in another way than it was asked for.
    case otherAlgorithm(String, is: String, asked: String)
    /// A quantised weight that is asked to stay as it was before.
    case ignored(String, is: String)
    /// A weight that is not quantised, where none is to be quantised while it is loaded.
    case notQuantized(String, asked: String)
    /// Inputs that have no scales, where none are to be made as they come.
    case noInputScale(String)
    /// A component whose weights are quantised already.
    case alreadyQuantized(String)
    /// A quantised weight that several devices cannot share: their parts would begin within a group of numbers that have one
    /// scale.
    case shared(String, group: Int)
    /// Patterns that leave no layer.
    case nothingLeft([String])
}

extension QuantizationError {
    /// Of layers whose rows cannot be cut into groups; those that differ in the number of their block share a pattern.
    static func narrow(_ sites: [LinearSite]) -> QuantizationError {
        let names = sites.count == 1 ? [sites[0].name] : sites.map(\.patternOfBlocks)
        return .groups(
            Dictionary(zip(names, sites.map(\.from))) { first, _ in first }, of: QuantizedWeight.group)
    }
}

extension LinearSite {
    /// Its name, with `*` for the number of its block.
    fileprivate var patternOfBlocks: String {
        var words = name.dotted
        if let number = words.firstIndex(where: { Int($0) != nil }) { words[number] = "*" }
        return words.joined(separator: ".")
    }
}

extension QuantizationError: CustomStringConvertible {
    package var blame: Blame {
        switch self {
        case .groups, .otherAlgorithm, .ignored, .notQuantized, .noInputScale, .nothingLeft, .alreadyQuantized,
            .shared:
            .request
        default: .model
        }
    }

    package var description: String {
        switch self {
        case .missing(let key, let weight, let file):
            "\(file) has no tensor \(key), which the quantised \(weight) needs"
        case .missingHere(let key, let file): "\(file) has no tensor \(key), which all other layers of its kind have"
        case .stray(let key, let weight, let kind, let file): "\(file) has \(key), but \(weight) is \(kind)"
        case .shape(let key, let file, let expected, let found):
            "\(file): \(key) has shape \(found); it must be \(expected)"
        case .dtype(let key, let file, let expected, let found):
            "\(file): \(key) has type \(found); it must be \(expected)"
        case .value(let key, let file, let found, let expected): "\(file): \(key) holds \(found); \(expected)"
        case .description(let key, let file, let found, let expected):
            "\(file) has \(found.cut(toBytes: 120)) for \(key); \(expected)"
        case .differing(let one, let other): "\(one) and \(other) say different things of the quantised layers"
        case .contradiction(let key, let found, let described, let file):
            "\(key) is \(found), but \(file) says that it is \(described)"
        case .unknownLayer(let name, let file):
            "\(file) names the quantised layer \(name.shown), which the model does not have"
        case .groups(let widths, let size):
            widths.sorted { $0.key < $1.key }.map { "\($0.key.shown) has rows of \($0.value) numbers" }
                .list(upTo: MessageLimit.items)
                + "; NVFP4 takes multiples of \(size), and quant_config.ignore can leave "
                + (widths.count == 1 ? "a layer of this name as it is" : "layers of these names as they are")
        case .notFinite(let key): "\(key) holds a number that is not finite, so it cannot be quantised"
        case .otherAlgorithm(let key, let found, let asked):
            "\(key) is stored as \(found), so quant_config.quant_algo cannot be \(asked)"
        case .ignored(let key, let found): "\(key) is stored as \(found), so quant_config.ignore cannot leave it out"
        case .notQuantized(let key, let asked):
            "\(key) is not quantised, so quant_config.quant_algo \(asked) needs dynamic to be true"
        case .noInputScale(let key):
            "\(key) has no scale for its inputs, so they must get theirs as they come (quant_config.dynamic)"
        case .alreadyQuantized(let folder): "the weights of \(folder) are quantised already"
        case .shared(let key, let group):
            "\(key) is stored quantised with a scale for every \(group) numbers, which parallel_config.tp_size would cut "
                + "apart; quantise a plain checkpoint while it is loaded"
        case .nothingLeft(let patterns):
            "quant_config.ignore (\(patterns.quotedList)) leaves no layer of the transformer to be quantised"
        }
    }
}
