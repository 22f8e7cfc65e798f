package import Files

/// What a checkpoint lacks, or has too much of, for the model that reads it.
package enum WeightError: BlamedError, Equatable {
    case missing(String, in: String)
    /// A tensor that an index promises.
    case promised(String, SafetensorsError)
    case shape(String, in: String, expected: [Int], found: [Int])
    case dtype(String, in: String, found: String)
    /// Tensors that no part of the model asks for.
    case unread([String], in: String)
    /// A shape that a config asks for and that no file can have.
    case tooLarge(String, [Int])
    /// More tensors than any model has.
    case tooMany(limit: Int)
    case faults(Int, in: String)
}

extension WeightError: CustomStringConvertible {
    package var blame: Blame { .model }

    package var description: String {
        switch self {
        case .missing(let key, let file): "\(file) has no tensor \(key)"
        case .promised(let key, let error): "the tensor \(key) is missing: \(error)"
        case .shape(let key, let file, let expected, let found):
            "\(file): \(key) has shape \(found), the config asks for \(expected)"
        case .dtype(let key, let file, let found): "\(file): \(key) has type \(found), a float type is needed"
        case .faults(let count, let model): "\(model) has \(count) fault\(count == 1 ? "" : "s"), listed above"
        case .unread(let keys, let place):
            "the model has no use for \(keys.count == 1 ? "the tensor" : "the tensors") \(keys.quotedList) of \(place) "
                + "(--allow-unknown skips such tensors, at the risk of wrong images)"
        case .tooLarge(let key, let shape): "the config asks for \(key) in the shape \(shape), which no file can hold"
        case .tooMany(let limit): "the config asks for more than \(limit) tensors"
        }
    }
}
