/// What a checkpoint lacks, or has too much of, for the model that reads it.
package enum WeightError: Error, Equatable {
    case missing(String, in: String)
    case shape(String, in: String, expected: [Int], found: [Int])
    case dtype(String, in: String, found: String)
    case unread([String])
    case faults(Int, in: String)
}

extension WeightError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .missing(let key, let file): "\(file) has no tensor \(key)"
        case .shape(let key, let file, let expected, let found):
            "\(file): \(key) has shape \(found), the config asks for \(expected)"
        case .dtype(let key, let file, let found): "\(file): \(key) has type \(found), a float type is needed"
        case .faults(let count, let model): "\(model) has \(count) fault\(count == 1 ? "" : "s"), listed above"
        case .unread(let keys):
            "the model reads nothing from \(keys.prefix(8).joined(separator: ", "))"
                + (keys.count > 8 ? " and \(keys.count - 8) more tensors of the checkpoint" : "")
        }
    }
}
