import Diffusion
import Foundation
import Layers
import TestKit

/// What diffusers' FlowMatchEulerDiscreteScheduler computes.
struct SchedulerGolden: Decodable {
    struct Call: Decodable, Sendable, CustomStringConvertible {
        let numInferenceSteps: Int?
        let sigmas: [Double]?
        let timesteps: [Float]?
        let mu: Double?

        var description: String {
            [
                numInferenceSteps.map { "\($0) steps" }, sigmas.map { "sigmas \($0)" },
                timesteps.map { "timesteps \($0)" }, mu.map { "mu \($0)" },
            ].compactMap { $0 }.joined(separator: ", ")
        }
    }

    struct Schedule: Decodable, Sendable {
        let config: String
        let call: Call
        /// nil is infinite or undefined.
        let sigmas, timesteps: [Float?]
    }

    struct Run: Decodable, Sendable, CustomStringConvertible {
        let config: String
        let call: Call
        let dtype: String
        let sample: [[[Float]]]
        let modelOutputs, samples: [[[[Float]]]]
        let beginIndex: Int?
        let generatorSeed: UInt64?
        let perTokenTimesteps: [[[Float]]]?

        var description: String {
            "\(config), \(dtype), \(call)" + (beginIndex.map { ", from step \($0)" } ?? "")
                + (generatorSeed == nil ? "" : ", stochastic") + (perTokenTimesteps == nil ? "" : ", per token")
        }
    }

    let schedules: [Schedule]
    let steps: [Run]

    private static let path = "\(Golden.folder)/schedulers/flow_match_euler.json"

    static func read() throws -> SchedulerGolden {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        return try decoder.decode(Self.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The schedulers by the names of their configs, read as from a checkpoint.
    static func schedulers() throws -> [String: FlowMatchEuler] {
        let folder = try TemporaryFolder()
        let file = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path)))
        let configs = (file as? [String: Any])?["configs"] as? [String: Any] ?? [:]
        return try configs.mapValues { values in
            let text = String(decoding: try JSONSerialization.data(withJSONObject: values), as: UTF8.self)
            return try FlowMatchEuler(FlowMatchEulerConfig.read(folder.write(text, to: "scheduler_config.json")).0)
        }
    }

    /// The runs by description, but for `per_token_timesteps`, a way of stepping that belongs to a later model.
    static let runs: [Run] = ((try? read())?.steps ?? []).filter { $0.perTokenTimesteps == nil }
}

extension FlowMatchEuler {
    func schedule(_ call: SchedulerGolden.Call) -> NoiseSchedule {
        if let sigmas = call.sigmas { return schedule(sigmas: sigmas, timesteps: call.timesteps, mu: call.mu) }
        if let timesteps = call.timesteps { return schedule(timesteps: timesteps, mu: call.mu) }
        return schedule(steps: call.numInferenceSteps ?? 0, mu: call.mu)
    }
}
