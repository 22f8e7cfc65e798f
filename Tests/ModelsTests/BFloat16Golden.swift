import Diffusion
import Foundation
import Tensors
import TestKit
import Testing

/// How far the reference's own bfloat16 run of a golden's request is from the golden.
struct BFloat16Golden {
    private struct File: Decodable { let cases: [String: [String: Distances]] }
    private struct Distances: Decodable {
        struct Metric: Decodable { let maxAbs, relativeFrobenius: Double }
        let decoded, latents: Metric
    }

    private let golden: Golden
    private let limit: Distances

    /// - Parameters:
    ///   - name: the golden
    ///   - folder: that of the goldens, which holds `bfloat16.json` too
    ///   - run: which of the reference's runs
    init(_ name: String, in folder: String, run: String) throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = "\(Golden.folder)/\(folder)/bfloat16.json"
        let file = try decoder.decode(File.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        limit = try #require(file.cases[name]?[run])
        golden = try Golden("\(folder)/\(name)")
    }

    /// Expects our bfloat16 run to be no further from the golden, and to be one.
    @DeviceActor func expectNoFurther() throws {
        let asked = try golden.request()
        let trace = try TinyModel(asked.model).run(try GenerationRequest(asked), dtype: .bfloat16).1
        for (key, metric) in [
            ("decoded", limit.decoded), ("latents.step\(asked.numInferenceSteps - 1)", limit.latents),
        ] {
            let found = try #require(trace[key]).values.map(Double.init)
            let exact = try golden.tensor(key).doubles
            let differences = zip(found, exact).map { $0 - $1 }
            let norm = exact.map { $0 * $0 }.reduce(0, +).squareRoot()
            let relative = differences.map { $0 * $0 }.reduce(0, +).squareRoot() / norm
            #expect(relative <= metric.relativeFrobenius, "\(key)")
            #expect(differences.map(abs).max() ?? .infinity <= metric.maxAbs, "\(key)")
            #expect(relative > 1e-4, "\(key) was not computed in 16 bits")
        }
    }
}
