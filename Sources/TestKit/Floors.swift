internal import Foundation
internal import Tensors

/// How far diffusers' own float32 is from its float64, of the tensors of a family's goldens: `floors.json` beside them.
package struct Floors: Sendable {
    /// How much further than the reference a tensor may be: two runs round differently, and neither is the better one.
    package static let margin = 2.0
    /// Floors by processor, golden and kind of tensor.
    private let processors: [String: [String: [String: Double]]]

    /// Reads them.
    ///
    /// - Parameter family: the goldens' folder
    /// - Throws: `DecodingError`, or a file's error
    package init(_ family: String = "flux1") throws {
        let data = try Data(contentsOf: URL(fileURLWithPath: "\(Golden.folder)/\(family)/floors.json"))
        processors = try JSONDecoder().decode([String: [String: [String: Double]]].self, from: data)
    }

    /// How far a tensor of a pipeline or a component may be from its golden.
    ///
    /// Ids are exact, and so is noise where both drew it with vector instructions. An image's bytes may be one level off.
    /// All else may be a bound away, or the margin times the reference's own distance where that is more.
    ///
    /// - Parameters:
    ///   - name: the tensor; `.stepN` does not count
    ///   - golden: its golden, whose floors are looked up
    ///   - bound: what is allowed in any case
    /// - Returns: the limit of a ``Distance``
    package func limit(_ name: String, of golden: String, atLeast bound: Double = 5e-5) -> Double {
        switch name {
        case _ where name.hasPrefix("input_ids"): return 0
        case "noise", "audio_noise", "latents.initial": return ThreadSettings.cpuCapability.hasPrefix("AVX") ? 0 : 2e-6
        // Relative to 255, not to the value: one level.
        case "output": return 1
        default:
            let kind = name.replacing(/\.step\d+$/, with: "")
            let floor = processors.values.compactMap { $0[golden]?[kind] }.max() ?? 0
            return max(bound, Self.margin * floor)
        }
    }
}
