package import Files

/// A config file that cannot be honoured.
package struct ConfigError: BlamedError, Equatable {
    /// The file.
    package let file: String
    /// What is wrong with it.
    package let fault: ConfigFault

    package init(file: String, fault: ConfigFault) { (self.file, self.fault) = (file, fault) }
}

extension ConfigError: CustomStringConvertible {
    package var blame: Blame { .model }

    package var description: String { "\(file) \(fault)" }
}

/// What is wrong with a config.
package enum ConfigFault: Error, Equatable {
    case unreadable
    case tooLong(Int)
    case empty
    /// Something else than a config, and what.
    case foreign(ForeignContent)
    case notJSON
    case notAnObject
    case unknown([String])
    case value(String, found: String)
    case notMultiple(String, Int, of: String, Int)
    /// A size that another file of the checkpoint contradicts.
    case misfit(String, Int, to: String, Int)
    case unsupported(String)
}

extension ConfigFault: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unreadable: "cannot be read"
        case .tooLong(let bytes): "has \(bytes) bytes, which no config has"
        case .empty: "is empty"
        case .foreign(let content): "\(content)"
        case .notJSON: "is not JSON"
        case .notAnObject: "does not hold a JSON object"
        case .unknown(let keys):
            "has \(keys.count == 1 ? "a key" : "keys") unknown to this build: \(keys.quotedList) "
                + "(--allow-unknown skips such keys, at the risk of wrong images)"
        case .value(let key, let found):
            "has \(found.cut(toBytes: 120)) for \(key), which this build cannot use"
        case .notMultiple(let key, let size, let name, let divisor):
            "has \(size) for \(key), which is no multiple of \(name) \(divisor)"
        case .misfit(let key, let size, let name, let other):
            "has \(size) for \(key), which does not fit \(name), \(other)"
        case .unsupported(let what): "asks for \(what), which this build does not have"
        }
    }
}

extension ConfigFault {
    /// The fault of an object within the config.
    ///
    /// - Parameter key: the object's key
    /// - Returns: the fault with the full names of keys
    package func within(_ key: String) -> ConfigFault {
        switch self {
        case .unknown(let keys): .unknown(keys.map { "\(key).\($0)" })
        case .value(let name, let found): .value("\(key).\(name)", found: found)
        default: self
        }
    }
}
