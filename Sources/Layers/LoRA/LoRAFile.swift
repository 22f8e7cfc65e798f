internal import Files
internal import Glibc
internal import Tensors

/// A LoRA file: its tensors by the modules that they are for.
///
/// Nothing but the header is read until it is merged.
struct LoRAFile: Sendable {
    /// A module as the file names it.
    struct Module: Sendable {
        let name: String
        let tensors: [LoRAPart: SafetensorsEntry]
    }

    /// Sorted by name.
    let modules: [Module]
    let scaling: LoRAScaling
    private let file: SafetensorsFile

    /// - Parameter path: the file, or a folder with one
    /// - Throws: ``LoRAError``, ``SafetensorsError`` or ``ConfigError``
    init(_ path: String) throws {
        let (path, config) = try Self.locate(path)
        file = try SafetensorsFile(path: path)
        scaling = try LoRAScaling(header: file.metadata, config: config, of: path)
        var modules: [String: [LoRAPart: SafetensorsEntry]] = [:]
        for entry in file.entries {
            guard let (module, part) = LoRAPart.split(entry.name) else { continue }
            if let other = modules[module]?[part], part != .unsupported {
                throw LoRAError.twice(other.name, entry.name, in: path)
            }
            modules[module, default: [:]][part] = entry
        }
        self.modules = modules.sorted { $0.key < $1.key }.map { Module(name: $0.key, tensors: $0.value) }
    }

    /// The file's path.
    var path: String { file.path }

    /// The names of all tensors, those of no known kind too, sorted.
    var keys: [String] { file.entries.map(\.name).sorted() }

    /// A tensor in 32-bit floats.
    ///
    /// - Parameters:
    ///   - entry: which
    ///   - device: where it goes
    /// - Returns: the tensor in its own shape, all of its numbers finite
    /// - Throws: ``LoRAError`` or ``TensorError``
    func tensor(_ entry: SafetensorsEntry, on device: Device) throws -> Tensor {
        guard let dtype = DType(entry.dtype), dtype.isFloatingPoint else {
            throw LoRAError.dtype(entry.name, found: entry.dtype.rawValue, in: path)
        }
        let tensor = try self.tensor(entry, dtype).to(.float32)
        guard try tensor.isFinite() else { throw LoRAError.notFinite(entry.name, in: path) }
        file.mapping.advise(.dontNeed, for: entry.byteRange)
        return try tensor.to(on: device)
    }

    /// The one number that a tensor is, of any type.
    ///
    /// - Parameter entry: which
    /// - Returns: the number
    /// - Throws: ``LoRAError`` or ``TensorError``
    func number(_ entry: SafetensorsEntry) throws -> Double {
        guard let dtype = DType(entry.dtype), dtype != .bool else {
            throw LoRAError.dtype(entry.name, found: entry.dtype.rawValue, in: path)
        }
        guard entry.shape.allSatisfy({ $0 == 1 }) else {
            throw LoRAError.shape(entry.name, entry.shape, expected: "one number", in: path)
        }
        let number = try Double(tensor(entry, dtype).reshaped(1).floats()[0])
        guard number.isFinite else { throw LoRAError.notFinite(entry.name, in: path) }
        return number
    }

    private func tensor(_ entry: SafetensorsEntry, _ dtype: DType) throws(TensorError) -> Tensor {
        try Tensor(bytes: file.bytes(of: entry), dtype, shape: entry.shape)
    }
}

extension LoRAFile {
    /// What PEFT and diffusers call the file in a folder.
    private static let names = ["adapter_model.safetensors", "pytorch_lora_weights.safetensors"]

    /// The file, and PEFT's description beside it if there is one.
    private static func locate(_ path: String) throws -> (file: String, config: String?) {
        guard Folder.isFolder(path) else { return (path, nil) }
        let found = try Folder.names(in: path).filter { $0.without(ending: ".safetensors") != nil }.sorted()
        let name = names.first(where: found.contains) ?? (found.count == 1 ? found[0] : nil)
        guard let name else { throw LoRAError.folder(path, lookedFor: names, found: found) }
        let config = path.childPath("adapter_config.json")
        return (path.childPath(name), config.isExistingPath ? config : nil)
    }
}
