internal import Foundation

/// The checkpoints that ModelOpt exported, and the wider ones that they were made of.
package enum QuantisedGolden {
    /// The names of the exported ones, each of which has a golden.
    package static let names = ["flux1", "flux2", "qwen-image", "wan"].flatMap { family in
        ((try? FileManager.default.contentsOfDirectory(atPath: "\(Golden.folder)/quantised")) ?? [])
            .filter { $0.hasPrefix("\(family)-") && $0.hasSuffix(".safetensors") }
            .map { String($0.dropLast(".safetensors".count)) }.sorted()
    }

    /// The folder of a transformer.
    ///
    /// - Parameter name: of an exported checkpoint, or of a wider one
    /// - Returns: its path, only to be read
    package static func folder(of name: String) -> String { "\(Golden.folder)/checkpoints/quantised/\(name)" }

    /// The whole model that a transformer belongs to.
    ///
    /// - Parameter name: of a transformer
    /// - Returns: the name of a tiny checkpoint
    package static func model(of name: String) -> String {
        if name.hasPrefix("flux1") { return "flux1-tiny-dev" }
        if name.hasPrefix("flux2") { return "flux2-tiny-dev" }
        if name.hasPrefix("ltx2") { return "ltx2-tiny" }
        return name.hasPrefix("wan") ? "wan2.1-tiny-t2v" : "qwen-image-tiny"
    }
}

extension TinyCheckpoint {
    /// Copies the whole model that a quantised transformer belongs to, with this transformer.
    ///
    /// - Parameter name: of the transformer
    /// - Throws: an error of the file system
    package convenience init(quantised name: String) throws {
        try self.init(copying: QuantisedGolden.model(of: name))
        try remove("transformer")
        try FileManager.default.copyItem(atPath: QuantisedGolden.folder(of: name), toPath: file("transformer"))
    }
}

/// How far a quantised model moves where its inputs change by a millionth: numbers between two quantised ones then go to
/// the other side, as they do in another run in 32 bits.
package struct QuantisedFloors: Sendable {
    /// The greatest relative distances of what a transformer and a pipeline give.
    package struct Moved: Decodable, Sendable { package let output, pipeline: Double }
    private struct Checkpoint: Decodable { let moved: [String: Moved] }
    private struct File: Decodable { let checkpoints: [String: Checkpoint] }
    private let checkpoints: [String: Checkpoint]

    /// Reads them.
    ///
    /// - Throws: `DecodingError`, or a file's error
    package init() throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.folder)/quantised/floors.json"))
        checkpoints = try JSONDecoder().decode(File.self, from: data).checkpoints
    }

    /// - Parameters:
    ///   - name: of a checkpoint
    ///   - mode: how inputs are rounded
    /// - Returns: how far it moves
    package func moved(_ name: String, _ mode: String) throws(GoldenError) -> Moved {
        guard let moved = checkpoints[name]?.moved[mode] else { throw .missing(mode, in: "floors.json of \(name)") }
        return moved
    }
}
