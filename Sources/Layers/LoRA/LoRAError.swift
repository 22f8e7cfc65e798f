package import Files

/// Why a LoRA file cannot be merged into a model.
package enum LoRAError: BlamedError, Equatable {
    /// A file of which nothing fits a component, or any component; with one of its keys and their number.
    case nothing(String, for: [String], example: String, count: Int)
    /// Tensors that no part of the model takes.
    case unmatched([String], in: String)
    /// Half of a pair, or a factor without the others.
    case incomplete(String, needs: String, in: String)
    case rankZero(String, in: String)
    case ranks(String, Int, String, Int, in: String)
    /// A factor of another width than the module's; the widths are of its inputs or its outputs.
    case width(String, Int, of: String, Int, what: String, in: String)
    case shape(String, [Int], expected: String, in: String)
    case dtype(String, found: String, in: String)
    case notFinite(String, in: String)
    /// Two tensors for one thing.
    case twice(String, String, in: String)
    /// A kind of change that is not merged.
    case unsupported(String, in: String)
    /// What a file says of its own scaling.
    case metadata(String, in: String, expected: String)
    /// A component that a model does not have, or that takes no LoRA.
    case component(String, known: [String])
    case folder(String, lookedFor: [String], found: [String])
}

extension LoRAError: CustomStringConvertible {
    package var blame: Blame {
        if case .component = self { .request } else { .model }
    }

    package var description: String {
        switch self {
        case .nothing(let file, let components, let example, let count):
            "\(file) has no LoRA for this model: "
                + (count == 0
                    ? "it is empty"
                    : "none of its \(count) tensors, such as \(example.shown), fits a part of "
                        + components.joined(separator: ", "))
        case .unmatched(let keys, let file):
            "\(file) has \(keys.count == 1 ? "a tensor" : "\(keys.count) tensors") that no part of the model takes: "
                + "\(keys.quotedList) (strict: false in runtime_lora_config skips them)"
        case .incomplete(let key, let needed, let file): "\(file) has \(key.shown), but no \(needed) beside it"
        case .rankZero(let key, let file): "\(file): \(key.shown) has rank 0; a LoRA has a rank of at least 1"
        case .ranks(let key, let rank, let other, let otherRank, let file):
            "\(file): \(key.shown) has rank \(rank), but \(other.shown) has rank \(otherRank)"
        case .width(let key, let found, let module, let expected, let what, let file):
            "\(file): \(key.shown) has \(found) \(what), but \(module) has \(expected); the LoRA is of another model"
        case .shape(let key, let found, let expected, let file):
            "\(file): \(key.shown) has shape \(found); it must be \(expected)"
        case .dtype(let key, let found, let file): "\(file): \(key.shown) has type \(found); a float type is needed"
        case .notFinite(let key, let file): "\(file): \(key.shown) holds a number that is not finite"
        case .twice(let one, let other, let file): "\(file) has \(one.shown) and \(other.shown) for the same thing"
        case .unsupported(let key, let file): "\(file): \(key.shown) is of a kind that is not merged"
        case .metadata(let key, let file, let expected): "\(file): \(key) must be \(expected)"
        case .component(let name, let known):
            "runtime_lora_config.target_components has \(name.shown); the components that take a LoRA are "
                + known.joined(separator: ", ")
        case .folder(let folder, let names, let found):
            "\(folder) has no LoRA; looked for \(names.joined(separator: ", "))"
                + (found.isEmpty ? "" : ", and it has several other files: \(found.quotedList)")
        }
    }
}
