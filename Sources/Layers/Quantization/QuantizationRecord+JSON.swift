internal import Files
internal import Foundation

extension QuantizationRecord {
    static let key = "quantization_config"
    static let layersKey = "_quantization_metadata"

    /// What the files of a component say.
    ///
    /// - Parameters:
    ///   - place: where the component lies
    ///   - files: its weights
    /// - Returns: nil if they say nothing of quantised layers
    /// - Throws: ``QuantizationError``
    static func read(_ place: ComponentPlace, _ files: [SafetensorsFile]) throws(QuantizationError)
        -> QuantizationRecord?
    {
        var records: [QuantizationRecord] = []
        // A file that is no JSON object is refused when the config is read.
        if let value = (try? place.configObject())?[key], !(value is NSNull) {
            records.append(try QuantizationRecord(value, in: place.configPath))
        }
        for file in files {
            guard let text = file.metadata[key] else { continue }
            var record = try QuantizationRecord(try value(of: text, key, in: file.path), in: file.path)
            if case .part(let part) = place { record.rename(in: part) }
            records.append(record)
        }
        let layers = try layers(of: files, place)
        guard let first = records.first else { return layers }
        if let other = records.dropFirst().first(where: { !first.agrees(with: $0) }) {
            throw .differing(first.file, other.file)
        }
        // Of all layers that one names, the other must say the same.
        if let layers, case .named(let formats) = layers.scope {
            if let name = formats.keys.filter({ formats[$0] != first.algorithm(of: $0) }).min() {
                throw .contradiction(
                    "\(name).weight", is: first.algorithm(of: name)?.rawValue ?? "not quantised",
                    described: formats[name]?.rawValue ?? "", in: "\(layersKey) of \(layers.file)")
            }
            var result = QuantizationRecord(file: layers.file, scope: layers.scope)
            (result.hasInputScales, result.roundsInputsOfBlocks) = (first.hasInputScales, first.roundsInputsOfBlocks)
            return result
        }
        return first
    }

    /// Calls layers as the component does, which the file of a whole model calls otherwise.
    private mutating func rename(in part: SingleFilePart) {
        switch scope {
        case .all(let algorithm, let ignored):
            scope = .all(algorithm, ignored: ignored + Set(ignored.flatMap(part.layers)).sorted())
        case .named(let layers):
            scope = .named(
                Dictionary(layers.compactMap { name, algorithm in part.layer(name).map { ($0, algorithm) } }) { $1 })
        }
    }

    /// The formats that headers name.
    private static func layers(of files: [SafetensorsFile], _ place: ComponentPlace) throws(QuantizationError)
        -> QuantizationRecord?
    {
        var layers: [String: QuantAlgorithm] = [:]
        var path: String?
        for file in files {
            guard let text = file.metadata[layersKey] else { continue }
            path = path ?? file.path
            let values = try object(try value(of: text, layersKey, in: file.path), layersKey, in: file.path)
            let version = values["format_version"]
            guard version == nil || version as? String == "1.0" else {
                throw fault("\(layersKey).format_version", version, "this build reads 1.0", in: file.path)
            }
            for (name, value) in try object(values["layers"], "\(layersKey).layers", in: file.path) {
                let key = "\(layersKey).layers.\(name).format"
                let format = (value as? [String: Any])?["format"]
                guard let algorithm = (format as? String).flatMap({ formats[$0] }) else {
                    throw fault(
                        key, format, "this build has \(formats.keys.sorted().joined(separator: ", "))", in: file.path)
                }
                if case .part(let part) = place {
                    if let layer = part.layer(name) { layers[layer] = algorithm }
                    continue
                }
                let prefix = SingleFilePart.layerPrefixes.first { name.hasPrefix($0) } ?? ""
                layers[String(name.dropFirst(prefix.count))] = algorithm
            }
        }
        return path.map { QuantizationRecord(file: $0, scope: .named(layers)) }
    }

    private static let formats: [String: QuantAlgorithm] = [
        "fp8": .fp8, "float8_e4m3fn": .fp8, "nvfp4": .nvfp4,
    ]

    /// ModelOpt's names, and TensorRT-LLM's where they are others.
    private static let algorithms: [String: QuantAlgorithm] = [
        "FP8": .fp8, "FP8_PER_CHANNEL_PER_TOKEN": .fp8Rows, "fp8_pb_wo": .fp8Blocks, "FP8_BLOCK_SCALES": .fp8Blocks,
        "NVFP4": .nvfp4, "W8A8_SQ_PER_CHANNEL": .int8,
    ]
    private static let mixed = "MIXED_PRECISION"

    /// Reads a `quantization_config`.
    private init(_ value: Any, in file: String) throws(QuantizationError) {
        let (key, values) = (Self.key, try Self.object(value, Self.key, in: file))
        if let method = values["quant_method"], method as? String != "modelopt" {
            throw Self.fault("\(key).quant_method", method, "this build has modelopt", in: file)
        }
        let name = values["quant_algo"]
        let groups = try values["config_groups"].map { value throws(QuantizationError) in
            try Self.object(value, "\(key).config_groups", in: file)
        }
        self.init(file: file, scope: try Self.scope(name, values, in: file))
        if name as? String == "FP8_BLOCK_SCALES" { roundsInputsOfBlocks = true }
        for (group, value) in (groups ?? [:]).sorted(by: { $0.key < $1.key }) {
            let path = "\(key).config_groups.\(group)"
            let parts = try Self.object(value, path, in: file)
            var isDynamic: Bool?
            for part in ["weights", "input_activations"] {
                guard let value = parts[part], !(value is NSNull) else { continue }
                let settings = try Self.object(value, "\(path).\(part)", in: file)
                try Self.requireGroupSize(settings, "\(path).\(part)", in: file)
                if part == "input_activations" { isDynamic = settings["dynamic"] as? Bool }
            }
            hasInputScales = hasInputScales || isDynamic == false
        }
    }

    private static func scope(_ name: Any?, _ values: [String: Any], in file: String) throws(QuantizationError) -> Scope
    {
        if name as? String == mixed {
            let path = "\(key).quantized_layers"
            var layers: [String: QuantAlgorithm] = [:]
            for (layer, value) in try object(values["quantized_layers"], path, in: file) {
                let settings = try object(value, "\(path).\(layer)", in: file)
                layers[layer] = try algorithm(settings["quant_algo"], "\(path).\(layer).quant_algo", in: file)
                try requireGroupSize(settings, "\(path).\(layer)", in: file)
            }
            return .named(layers)
        }
        let algorithm = try algorithm(name, "\(key).quant_algo", in: file)
        try requireGroupSize(values, key, in: file)
        let ignored = values["ignore"] ?? [String]()
        guard let patterns = ignored as? [String] else {
            throw fault("\(key).ignore", ignored, "it must be a list of patterns", in: file)
        }
        if let pattern = patterns.first(where: { !QuantizationPlan.isPattern($0) }) {
            throw fault("\(key).ignore", pattern, "that is no pattern", in: file)
        }
        return .all(algorithm, ignored: patterns)
    }

    private static func algorithm(_ name: Any?, _ path: String, in file: String) throws(QuantizationError)
        -> QuantAlgorithm
    {
        guard let algorithm = (name as? String).flatMap({ algorithms[$0] }) else {
            let known = (algorithms.keys + [mixed]).sorted().joined(separator: ", ")
            throw fault(path, name, "this build has \(known)", in: file)
        }
        return algorithm
    }

    /// Numbers of a group, where they are told: of FP4 16, of blocks 128.
    private static func requireGroupSize(_ values: [String: Any], _ path: String, in file: String)
        throws(QuantizationError)
    {
        guard let size = values["group_size"], !(size is NSNull) else { return }
        let isBlock = size as? Int == QuantizedWeight.block && values["num_bits"] as? Int != 4
        guard size as? Int == QuantizedWeight.group || isBlock else {
            throw fault("\(path).group_size", size, "it must be \(QuantizedWeight.group)", in: file)
        }
    }

    private static func value(of text: String, _ key: String, in file: String) throws(QuantizationError) -> Any {
        guard let value = try? JSONSerialization.jsonObject(with: Data(text.utf8), options: [.fragmentsAllowed]) else {
            throw fault(key, text, "it must be JSON", in: file)
        }
        return value
    }

    private static func object(_ value: Any?, _ key: String, in file: String) throws(QuantizationError)
        -> [String: Any]
    {
        guard let object = value as? [String: Any] else { throw fault(key, value, "it must be an object", in: file) }
        return object
    }

    private static func fault(_ key: String, _ value: Any?, _ expected: String, in file: String) -> QuantizationError {
        .description(key, in: file, found: value.map(describe) ?? "nothing", expected: expected)
    }
}
