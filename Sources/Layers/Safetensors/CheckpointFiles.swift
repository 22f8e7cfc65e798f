internal import Files
import Glibc

/// Where a component's weights lie.
package enum CheckpointFiles: Equatable, Sendable {
    /// One safetensors file.
    case single(path: String)
    /// An index over several.
    case sharded(indexPath: String)

    /// The names that diffusers and transformers give to weights.
    package static let basenames = ["diffusion_pytorch_model", "model"]

    /// Finds the weights in a component's folder.
    ///
    /// For each base name in turn the index is looked for first (as diffusers does), then the single file. A variant
    /// stands before the last extension (`model.fp16.safetensors`), in an index's name in either of the two places in
    /// use (`model.safetensors.index.fp16.json`, `model.fp16.safetensors.index.json`).
    ///
    /// - Parameters:
    ///   - folder: the component's folder, such as `transformer`
    ///   - basenames: file names without extension, the preferred first
    ///   - variant: nil for the plain files, never replaced by a variant unasked
    /// - Returns: where they are; the files have not been opened
    /// - Throws: `.folder`, naming what is there instead
    package static func locate(
        in folder: String, basenames: [String] = basenames, variant: String? = nil
    ) throws(SafetensorsError) -> CheckpointFiles {
        guard let names = listing(of: folder) else { throw .folder(folder, .notAFolder) }
        for basename in basenames {
            if let index = indexNames(basename, variant).first(where: names.contains) {
                return .sharded(indexPath: folder.childPath(index))
            }
            let single = singleName(basename, variant)
            if names.contains(single) { return .single(path: folder.childPath(single)) }
        }
        throw .folder(folder, fault(names, basenames, variant))
    }

    private static func singleName(_ basename: String, _ variant: String?) -> String {
        "\(basename)\(variant.map { ".\($0)" } ?? "").safetensors"
    }

    private static func indexNames(_ basename: String, _ variant: String?) -> [String] {
        guard let variant else { return ["\(basename).safetensors.index.json"] }
        return ["\(basename).safetensors.index.\(variant).json", "\(basename).\(variant).safetensors.index.json"]
    }

    /// Says what is there although nothing fits.
    private static func fault(
        _ names: Set<String>, _ basenames: [String], _ variant: String?
    ) -> CheckpointFolderFault {
        let variants = basenames.flatMap { basename in names.compactMap { variantName(of: $0, basename) } }
        let plain = basenames.contains { basename in
            names.contains(singleName(basename, nil)) || names.contains { indexNames(basename, nil).contains($0) }
        }
        if !variants.isEmpty || plain {
            return .onlyVariants((plain ? ["the plain files"] : []) + Set(variants).sorted(), asked: variant)
        }
        let packed = names.filter { name in
            [".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar", ".tar", ".tgz"].contains { name.hasSuffix($0) }
        }
        if !packed.isEmpty { return .onlyPacked(packed.sorted()) }
        let others = names.filter { name in
            [".bin", ".pt", ".pth", ".ckpt", ".gguf", ".pkl", ".h5", ".msgpack", ".npz", ".onnx"]
                .contains { name.hasSuffix($0) }
        }
        if !others.isEmpty { return .onlyOtherFormats(others.sorted()) }
        return .noWeights(
            lookedFor: basenames.flatMap { [singleName($0, variant)] + indexNames($0, variant).prefix(1) })
    }

    /// `fp16` of `model.fp16.safetensors` and of the index names.
    private static func variantName(of name: String, _ basename: String) -> String? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard parts.first == basename else { return nil }
        switch Array(parts.dropFirst()) {
        case let rest where rest.count == 2 && rest[1] == "safetensors": return rest[0]
        case let rest where rest.count == 4 && rest[0] == "safetensors" && rest[1] == "index": return rest[2]
        case let rest where rest.count == 4 && rest[1] == "safetensors" && rest[2] == "index": return rest[0]
        default: return nil
        }
    }

    private static func listing(of folder: String) -> Set<String>? {
        guard let stream = opendir(folder) else { return nil }
        defer { closedir(stream) }
        var names: Set<String> = []
        while let item = readdir(stream) {
            names.insert(
                withUnsafeBytes(of: &item.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }
}

extension String {
    /// The path of a file in this folder.
    func childPath(_ name: String) -> String { hasSuffix("/") ? self + name : "\(self)/\(name)" }

    /// The path of a file in the folder of this file.
    func siblingPath(_ name: String) -> String { pathFolder + name }

    /// Whether something lies there, links followed.
    var isExistingPath: Bool { access(self, F_OK) == 0 }
}
