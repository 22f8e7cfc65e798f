import Diffusion
import Foundation
import Layers
import Tensors
import TestKit

/// What diffusers' UniPCMultistepScheduler computes.
struct UniPCGolden: Decodable, Sendable {
    struct Call: Decodable, Sendable, CustomStringConvertible {
        let numInferenceSteps: Int?
        let sigmas: [Double]?
        let mu: Double?

        var description: String {
            [numInferenceSteps.map { "\($0) steps" }, sigmas.map { "sigmas \($0)" }, mu.map { "mu \($0)" }]
                .compactMap { $0 }.joined(separator: ", ")
        }
    }

    struct Schedule: Decodable, Sendable {
        let config: String
        let call: Call
        /// nil is infinite or undefined.
        let sigmas: [Float?]
        let timesteps: [Int]
    }

    struct Run: Decodable, Sendable, CustomStringConvertible {
        let config: String
        let call: Call
        let timesteps: [Float]
        let beginIndex: Int?
        let firstIndex: Int
        let error: String?
        let samples: [[[[Float]]]]

        var description: String {
            "\(config), \(call), from \(beginIndex.map { "step \($0)" } ?? "timestep \(timesteps[0])")"
        }
    }

    let schedules: [Schedule]
    let steps: [Run]
    let sample: [[[Float]]]
    let modelOutputs: [[[[Float]]]]

    private static let path = "\(Golden.folder)/schedulers/unipc.json"

    private static func read() throws -> UniPCGolden {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The schedulers by the names of their configs, read as from a checkpoint.
    private static func readSchedulers() throws -> [String: UniPCMultistep] {
        let folder = try TemporaryFolder()
        let file = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        let configs = (file as? [String: Any])?["configs"] as? [String: Any] ?? [:]
        return try configs.mapValues { values in
            let text = String(decoding: try JSONSerialization.data(withJSONObject: values), as: UTF8.self)
            return try UniPCMultistep(UniPCConfig.read(folder.write(text, to: "scheduler_config.json")).0)
        }
    }

    static let shared = Result { try read() }
    static let schedulers = Result { try readSchedulers() }
    static let runs: [Run] = (try? shared.get())?.steps ?? []
}

extension UniPCMultistep {
    func schedule(_ call: UniPCGolden.Call) throws -> NoiseSchedule {
        if let sigmas = call.sigmas { return try schedule(sigmas: sigmas, mu: call.mu) }
        return schedule(steps: call.numInferenceSteps ?? 1, mu: call.mu)
    }
}
