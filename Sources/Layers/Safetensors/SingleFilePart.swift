package import Files
internal import Foundation

/// One component of a model that is a single safetensors file: its config, and which of the file's tensors are its own.
package struct SingleFilePart: Sendable {
    /// The whole model's file.
    package let file: SafetensorsFile
    /// The component's name, as in a `model_index.json`.
    package let name: String
    /// Its class, as there.
    package let className: String
    /// The name in the file of each of its tensors, by key.
    package let names: [ExactText: String]
    private let config: [UInt8]
    private let keys: [ExactText: String]

    /// - Parameters:
    ///   - name: the component's
    ///   - className: its class
    ///   - config: what its `config.json` would hold
    ///   - names: the name in the file of each of its tensors, by key
    ///   - file: the file, which has a tensor of each of these names
    package init(
        _ name: String, class className: String, config: [String: Any], names: [ExactText: String],
        of file: SafetensorsFile
    ) {
        (self.file, self.name, self.className, self.names) = (file, name, className, names)
        self.config = (try? JSONSerialization.data(withJSONObject: config)).map { [UInt8]($0) } ?? []
        keys = Dictionary(names.map { (ExactText($1), $0.text) }) { first, _ in first }
    }

    /// How messages name it.
    package var path: String { "\(file.path) (\(name))" }

    /// What its `config.json` would hold.
    package func configObject() throws(ConfigError) -> [String: Any] {
        guard let object = try? JSONSerialization.jsonObject(with: Data(config)) as? [String: Any] else {
            throw ConfigError(file: path, fault: .notAnObject)
        }
        return object
    }
}

extension SingleFilePart {
    /// What tools write before the names of a transformer's layers in a whole model's file.
    static let layerPrefixes = ["model.diffusion_model.", "diffusion_model.", "transformer."]

    /// The path in the component of a layer that the file's header names, with such a prefix or without.
    ///
    /// - Parameter name: as the header has it
    /// - Returns: nil for a layer of another component; the name itself if the file has no such layer
    func layer(_ name: String) -> String? {
        for full in [name] + Self.layerPrefixes.map({ $0 + name }) {
            if let key = keys[ExactText("\(full).weight")] { return String(key.dropLast(".weight".count)) }
            if file["\(full).weight"] != nil { return nil }
        }
        return name
    }

    /// The paths in the component of the layers that a pattern of the file's header means.
    ///
    /// - Parameter pattern: as ``QuantizationPlan`` takes it, of a name with such a prefix or without
    func layers(_ pattern: String) -> [String] {
        guard pattern.utf8.contains(where: "*?[".utf8.contains) else { return layer(pattern).map { [$0] } ?? [] }
        return keys.compactMap { name, key in
            guard name.text.hasSuffix(".weight") else { return nil }
            let layer = String(name.text.dropLast(".weight".count))
            let bare = Self.layerPrefixes.first { layer.hasPrefix($0) }.map { String(layer.dropFirst($0.count)) }
            let isMeant = [layer, bare ?? layer].contains { QuantizationPlan.matches(pattern, $0) }
            return isMeant ? String(key.dropLast(".weight".count)) : nil
        }
    }
}
