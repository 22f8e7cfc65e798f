/// Some names of tensors: one, or all that begin alike.
package enum WeightKeys: Equatable, Sendable {
    case one(String)
    /// Of a part and all its parts, with the dot after its name.
    case part(String)

    /// Whether a tensor's name is one of these.
    ///
    /// - Parameter key: the name
    /// - Returns: whether it is
    package func contains(_ key: String) -> Bool {
        switch self {
        case .one(let name): name == key
        case .part(let prefix): key.utf8.starts(with: prefix.utf8)
        }
    }
}
