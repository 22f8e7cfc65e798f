package import Diffusion
package import Files
internal import Foundation
package import Layers

extension LocalWorker {
    /// Writes a copy of a model whose transformers' linear layers are quantised, on this device's thread.
    ///
    /// - Parameters:
    ///   - model: what is copied
    ///   - quantization: how its layers are quantised
    ///   - output: the copy's folder, which must not exist
    ///   - idle: told of each pattern of the plan that no layer has, before anything is written
    ///   - observe: told of each tensor and file
    /// - Throws: as ``ModelQuantizer``, or `CancellationError`
    package func quantize(
        _ model: any ModelFamily, _ quantization: QuantizationPlan, to output: String,
        idle: @Sendable (String) -> Void, observe: @Sendable (ModelQuantizer.Progress) -> Void
    ) throws {
        let quantizer = try ModelQuantizer(model, quantization, to: output)
        quantizer.idlePatterns.forEach(idle)
        try quantizer.run { progress in
            try Task.checkCancellation()
            observe(progress)
        }
    }
}

/// Writes a copy of a model whose transformers' linear layers are quantised.
///
/// The copy grows in a folder beside its own, `NAME.partial`, a whole file at a time, and takes its name at the end. What is
/// there of an attempt that was cut short is kept.
package struct ModelQuantizer {
    private let model: any ModelFamily
    private let output, partial: String
    private let exports: [String: QuantizedExport]
    private let copies: [String]
    private let attempt: [UInt8]
    /// The patterns of layers that stay as they are which no layer has.
    package let idlePatterns: [String]

    /// - Parameters:
    ///   - model: what is copied
    ///   - quantization: how its layers are quantised
    ///   - output: the copy's folder, which must not exist
    /// - Throws: ``QuantizerError``, or any error of a bad checkpoint
    package init(_ model: any ModelFamily, _ quantization: QuantizationPlan, to output: String) throws {
        var output = output
        while output.count > 1, output.hasSuffix("/") { output.removeLast() }
        guard FileStamp(ofLink: output) == nil else { throw QuantizerError.exists(output) }
        guard !model.checkpoint.isFile else { throw QuantizerError.isFile(model.checkpoint.path) }
        (self.model, self.output, partial) = (model, output, "\(output).partial")
        var exports: [String: QuantizedExport] = [:]
        // A transformer that differs by a LoRA alone has the files of another.
        for component in model.components where component.role == .transformer && component.ownLoRAs.isEmpty {
            let weights = try CheckpointWeights(component.place)
            let listing = try component.listing(of: Set(weights.keys))
            exports[component.name] = try QuantizedExport(weights, of: listing.linears, quantization)
            _ = try component.checkedSize(of: weights, listing, ComputePlan(quantization: quantization))
        }
        self.exports = exports
        idlePatterns = quantization.idlePatterns(exports.values.map(\.checked))
        copies = try Self.copies(of: model.checkpoint, quantised: Set(exports.keys))
        let sources =
            (copies.map { "\(model.checkpoint.path)/\($0)" } + exports.values.flatMap { $0.files.map(\.path) })
            .sorted().map { "\($0) \(FileStamp(of: $0).map { "\($0)" } ?? "")" }
        attempt = Array("\(quantization)\n\(sources.joined(separator: "\n"))\n".utf8)
    }

    /// Where the work is.
    package struct Progress: Sendable {
        /// The file that is being written, below the model's folder.
        package let file: String
        /// How much of the model was read, and all that will be, in bytes.
        package let bytes, total: Int
    }

    /// Writes the copy.
    ///
    /// - Parameter observe: told of each tensor and file; what it throws ends the work, to be taken up another time
    /// - Throws: ``QuantizerError``, ``FileError``, ``SafetensorsError``, ``QuantizationError`` or ``TensorError``
    package func run(observe: (Progress) throws -> Void) throws {
        try Folder.make(partial)
        let note = "\(partial)/.attempt"
        if let earlier = FileManager.default.contents(atPath: note) {
            guard [UInt8](earlier) == attempt else { throw QuantizerError.otherAttempt(partial) }
            try removeTemporaryFiles()
        } else {
            guard try Folder.names(in: partial).allSatisfy(AtomicFile.isTemporary) else {
                throw QuantizerError.otherAttempt(partial)
            }
            try AtomicFile.write(attempt, to: note)
        }
        let sizes = copies.map { FileStamp(of: source($0))?.size ?? 0 }
        let total = sizes.reduce(0, +) + exports.values.flatMap(\.files).reduce(0) { $0 + $1.mapping.bytes.count }
        var done = 0
        for (name, size) in zip(copies, sizes) {
            try observe(Progress(file: name, bytes: done, total: total))
            if try begin(name) { try copy(name) }
            done += size
        }
        for (component, export) in exports.sorted(by: { $0.key < $1.key }) {
            for file in export.files {
                let name = "\(component)/\(file.path.split(separator: "/").last ?? "")"
                let start = done
                if try begin(name) {
                    try export.write(file, to: "\(partial)/\(name)") { bytes in
                        done += bytes
                        try observe(Progress(file: name, bytes: done, total: total))
                    }
                }
                done = start + file.mapping.bytes.count
            }
            try index(export, in: component)
        }
        try finish()
        try observe(Progress(file: "", bytes: total, total: total))
    }

    /// Removes what files had before they had their names, where the process ended.
    private func removeTemporaryFiles() throws(FileError) {
        let folders = [partial] + (try Folder.names(in: partial)).map { "\(partial)/\($0)" }
        for folder in folders where Folder.isFolder(folder) {
            for name in try Folder.names(in: folder) where AtomicFile.isTemporary(name) { unlink("\(folder)/\(name)") }
        }
    }

    /// Makes room for a file.
    ///
    /// - Returns: false if it is there already
    private func begin(_ name: String) throws(FileError) -> Bool {
        let path = "\(partial)/\(name)"
        try Folder.make(Folder.parent(of: path))
        return FileStamp(of: path) == nil
    }

    private func source(_ name: String) -> String { "\(model.checkpoint.path)/\(name)" }

    private func copy(_ name: String) throws {
        if let export = exports[Folder.parent(of: name)], name.hasSuffix("/config.json") {
            let text = try InputFile(reading: source(name)).readModelPart(limit: SafetensorsIndex.lengthLimit)
            return try AtomicFile.write(Self.config(text, with: export.config), to: "\(partial)/\(name)")
        }
        let file = try MappedFile(path: source(name))
        let copy = try AtomicFile(replacing: "\(partial)/\(name)")
        try copy.write(file.bytes, at: 0)
        try copy.commit()
    }

    /// A `config.json` with one key more; all else stays as it was written.
    private static func config(_ text: [UInt8], with value: String) -> [UInt8] {
        let blanks: Set<UInt8> = Set(" \t\r\n".utf8)
        var head = text[...]
        while let last = head.last, blanks.contains(last) { head.removeLast() }
        head.removeLast()
        while let last = head.last, blanks.contains(last) { head.removeLast() }
        let comma = head.last == UInt8(ascii: "{") ? "" : ","
        return head + Array("\(comma)\n  \"quantization_config\": \(value)\n}\n".utf8)
    }

    /// Writes which file holds which tensor, where there are several.
    private func index(_ export: QuantizedExport, in component: String) throws {
        guard export.files.count > 1 else { return }
        var map: [String: String] = [:]
        var size = 0
        for file in export.files {
            let name = String(file.path.split(separator: "/").last ?? "")
            for entry in try SafetensorsFile(path: "\(partial)/\(component)/\(name)").entries {
                map[entry.name] = name
                size += entry.byteRange.count
            }
        }
        let values: [String: Any] = ["metadata": ["total_size": size], "weight_map": map]
        let text = try JSONSerialization.data(withJSONObject: values, options: [.prettyPrinted, .sortedKeys])
        let name = export.indexName
        try AtomicFile.write([UInt8](text), to: "\(partial)/\(component)/\(name)")
    }

    /// Gives the folder its name.
    private func finish() throws {
        guard FileStamp(ofLink: output) == nil else { throw QuantizerError.exists(output) }
        unlink("\(partial)/.attempt")
        guard rename(partial, output) == 0 else {
            throw FileError(output, .cannotWrite(reason: InputFile.lastReason))
        }
        try Folder.sync(Folder.parent(of: output))
    }
}

extension ModelQuantizer {
    /// The files that go along as they are, below the model's folder: its index and what lies in its components' folders.
    private static func copies(of checkpoint: CheckpointFolder, quantised: Set<String>) throws -> [String] {
        var names = try Folder.names(in: checkpoint.path).filter { name in
            !name.hasPrefix(".") && !Folder.isFolder("\(checkpoint.path)/\(name)") && !isWeights(name)
        }
        for component in checkpoint.components.keys where checkpoint.has(component) {
            guard Folder.isFolder("\(checkpoint.path)/\(component)") else { continue }
            let files = try files(in: component, of: checkpoint.path)
            names += quantised.contains(component) ? files.filter { !isWeights($0) } : files
        }
        return names.sorted()
    }

    private static func files(in folder: String, of path: String) throws(FileError) -> [String] {
        var found: [String] = []
        for name in try Folder.names(in: "\(path)/\(folder)") where !name.hasPrefix(".") {
            let file = "\(folder)/\(name)"
            if Folder.isFolder("\(path)/\(file)") { found += try files(in: file, of: path) } else { found.append(file) }
        }
        return found
    }

    private static func isWeights(_ name: String) -> Bool {
        [".safetensors", ".safetensors.index.json", ".bin", ".ckpt", ".gguf", ".pt", ".pth", ".msgpack", ".onnx"]
            .contains { name.hasSuffix($0) }
    }
}

/// Why a model's quantised copy cannot be written.
package enum QuantizerError: BlamedError, Equatable {
    case exists(String)
    case otherAttempt(String)
    /// A model in one file, which has no folder to copy.
    case isFile(String)
}

extension QuantizerError: CustomStringConvertible {
    package var blame: Blame { if case .isFile = self { .model } else { .output } }

    package var description: String {
        switch self {
        case .exists(let path): "\(path) exists already"
        case .otherAttempt(let path):
            "\(path) is not an unfinished copy of this model, quantised so; remove it or choose another output"
        case .isFile(let path):
            "\(path) is a model in one file, of which no copy is written; quant_config quantises it while it is loaded"
        }
    }
}
