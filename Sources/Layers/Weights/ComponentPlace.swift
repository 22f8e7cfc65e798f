/// Where a component lies: in a folder of its own, or with all others in one file.
package enum ComponentPlace: Sendable {
    case folder(String)
    case part(SingleFilePart)

    /// How messages name it.
    package var path: String {
        switch self {
        case .folder(let folder): folder
        case .part(let part): part.path
        }
    }

    /// How messages name its config.
    package var configPath: String { configPath("config.json") }

    private func configPath(_ name: String) -> String {
        switch self {
        case .folder(let folder): "\(folder)/\(name)"
        case .part(let part): part.path
        }
    }

    /// What its config holds.
    ///
    /// - Parameter name: the config's file, where it has one
    package func configObject(_ name: String = "config.json") throws(ConfigError) -> [String: Any] {
        switch self {
        case .folder: try JSONFile.object(at: configPath(name))
        case .part(let part): try part.configObject()
        }
    }

    /// Reads its config; see ``ModelConfig/read(_:allowingUnknown:besides:)``.
    ///
    /// - Parameters:
    ///   - name: the config's file, where it has one
    ///   - allowingUnknown: whether unknown keys are skipped instead of refused
    ///   - others: keys that somebody else reads
    /// - Returns: the config, and the unknown keys that were skipped
    package func config<Config: ModelConfig>(
        _ name: String = "config.json", allowingUnknown: Bool = false, besides others: Set<String> = []
    ) throws(ConfigError) -> (Config, [String]) {
        switch self {
        case .folder:
            return try Config.read(configPath(name), allowingUnknown: allowingUnknown, besides: others)
        case .part(let part):
            let values = try part.configObject()
            do {
                return try Config.read(values, allowingUnknown: allowingUnknown)
            } catch {
                throw ConfigError(file: part.path, fault: error)
            }
        }
    }

    /// Opens its weights.
    func checkpoint() throws(SafetensorsError) -> SafetensorsCheckpoint {
        switch self {
        case .folder(let folder): try SafetensorsCheckpoint(CheckpointFiles.locate(in: folder))
        case .part(let part): SafetensorsCheckpoint(part)
        }
    }
}
