internal import Files
internal import Tensors

/// A component's weights with its linear layers quantised, stored as ModelOpt stores them.
///
/// A tensor is in memory at a time. Nothing was measured on the way, so inputs get their scales as they come, and integers
/// are not smoothed.
// Source: NVIDIA/TensorRT-Model-Optimizer 0.47.0, modelopt/torch/export.
package struct QuantizedExport {
    private let weights: CheckpointWeights
    private let plan: ComputePlan
    /// The layers that are quantised, by their weights' keys.
    private let layers: [String: (site: LinearSite, algorithm: QuantAlgorithm)]
    /// The same, as their headers were checked.
    package let checked: CheckedQuantization
    /// The other linear layers, sorted.
    package let ignored: [String]

    /// - Parameters:
    ///   - weights: of one component
    ///   - sites: its linear layers
    ///   - quantization: how
    /// - Throws: ``QuantizationError`` for weights that are quantised already or cannot be, and if nothing would be
    package init(_ weights: CheckpointWeights, of sites: [LinearSite], _ quantization: QuantizationPlan) throws {
        let plan = ComputePlan(quantization: quantization)
        guard !weights.hasQuantizedLayers else { throw QuantizationError.alreadyQuantized(weights.place) }
        checked = try weights.checkedQuantization(of: sites, plan)
        var layers: [String: (site: LinearSite, algorithm: QuantAlgorithm)] = [:]
        for site in sites {
            if let algorithm = plan.algorithm(of: site) { layers[site.weightKey] = (site, algorithm) }
        }
        ignored = sites.filter { $0.mayBeQuantized && layers[$0.weightKey] == nil }.map(\.name).sorted()
        (self.weights, self.plan, self.layers) = (weights, plan, layers)
    }

    /// The files of the weights.
    package var files: [SafetensorsFile] { weights.checkpoint.files }

    /// The name of the index over several files.
    package var indexName: String { weights.checkpoint.path.split(separator: "/").last.map(String.init) ?? "" }

    /// Writes what a file becomes.
    ///
    /// - Parameters:
    ///   - file: one of ``files``
    ///   - path: where it goes, all or nothing
    ///   - advance: told after each tensor how many bytes of the file it took
    /// - Throws: ``SafetensorsError``, ``QuantizationError``, ``TensorError``, or what `advance` throws
    package func write(_ file: SafetensorsFile, to path: String, advance: (Int) throws -> Void) throws {
        // What two files have is read from one of them.
        let entries = file.entries.filter { weights.checkpoint[$0.name]?.file.path == file.path }
        let parts = entries.flatMap { entry in
            layers[entry.name].map { $0.algorithm.entries(of: $0.site) }
                ?? [SafetensorsStream.Entry(entry.name, entry.dtype, entry.shape)]
        }
        let metadata = file.metadata.merging([QuantizationRecord.key: config]) { $1 }
        var stream = try SafetensorsStream(parts, metadata: metadata, to: path)
        for entry in entries {
            if let (site, algorithm) = layers[entry.name] {
                let weight = try weights.quantizedWeight(site, plan, algorithm)
                try stream.write(site.weightKey, weight.codes.storedBytes())
                try stream.write(site.key(.scale), weight.scales.storedBytes())
                if algorithm == .nvfp4 {
                    try withUnsafeBytes(of: Float(weight.scale)) { try stream.write(site.key(.scale2), $0) }
                }
            } else {
                try stream.write(entry.name, file.bytes(of: entry))
                file.mapping.advise(.dontNeed, for: entry.byteRange)
            }
            try advance(entry.byteRange.count)
        }
        try stream.commit()
    }

    /// The `quantization_config` of `config.json`, with the algorithm by its name here and in TensorRT-LLM: ModelOpt's of
    /// blocks, `fp8_pb_wo`, means that inputs stay as they are.
    package var config: String {
        let algorithm = plan.quantization?.algorithm ?? .fp8
        let ignored = ignored.map { "\"\($0)\"" }.joined(separator: ", ")
        return "{\(algorithm.configGroups)\"ignore\": [\(ignored)], \"quant_algo\": \"\(algorithm.rawValue)\", "
            + "\"producer\": {\"name\": \"visualgen\"}, \"quant_method\": \"modelopt\"}"
    }
}

extension QuantAlgorithm {
    fileprivate var configGroups: String {
        let bits: Int
        switch self {
        case .fp8: bits = 8
        case .nvfp4: bits = 4
        case .fp8Rows, .fp8Blocks, .int8: return ""
        }
        let size = groupSize.map { ", \"group_size\": \($0)" } ?? ""
        let weights = "{\"dynamic\": false, \"num_bits\": \(bits), \"type\": \"float\"\(size)}"
        let inputs = "{\"dynamic\": true, \"num_bits\": \(bits), \"type\": \"float\"\(size)}"
        return "\"config_groups\": {\"group_0\": {\"input_activations\": \(inputs), \"weights\": \(weights), "
            + "\"targets\": [\"Linear\"]}}, "
    }

    /// What a layer's weight becomes.
    fileprivate func entries(of site: LinearSite) -> [SafetensorsStream.Entry] {
        let (to, from) = (site.to, site.from)
        func stored(_ dtype: SafetensorsDtype, _ width: Int, scales: [Int]) -> [SafetensorsStream.Entry] {
            [.init(site.weightKey, dtype, [to, width]), .init(site.key(.scale), .float32, scales)]
        }
        switch self {
        case .fp8: return stored(.float8E4M3, from, scales: [])
        case .fp8Rows: return stored(.float8E4M3, from, scales: [to])
        case .int8: return stored(.int8, from, scales: [to])
        case .fp8Blocks:
            let blocks = [QuantizedWeight.blocks(to), 1, QuantizedWeight.blocks(from), 1]
            return stored(.float8E4M3, from, scales: blocks.allSatisfy { $0 == 1 } ? [] : blocks)
        case .nvfp4:
            return [
                .init(site.weightKey, .uint8, [to, from / 2]),
                .init(site.key(.scale), .float8E4M3, [to, from / QuantizedWeight.group]),
                .init(site.key(.scale2), .float32, []),
            ]
        }
    }
}
