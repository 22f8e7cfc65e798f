import Diffusion
import Foundation
import Layers
import Tensors
import TestKit
import Testing

@Suite struct UniPCScheduleTests {
    /// Configs whose sigmas are plain fractions; in the others the last places are those of the library that took roots,
    /// powers and logarithms.
    private static let exact = ["wan", "flow", "dynamic"]

    @Test func agreesWithTheReferenceOnEverySchedule() throws {
        let golden = try UniPCGolden.shared.get()
        let schedulers = try UniPCGolden.schedulers.get()
        #expect(golden.schedules.count > 400)
        for expected in golden.schedules where expected.sigmas.allSatisfy({ $0 != nil }) {
            let found = try #require(schedulers[expected.config]).schedule(expected.call)
            // Stretching the last signal to zero leaves a difference of neighbours.
            let inexact: Float = expected.config == "zero terminal" ? 1e-5 : 4e-7
            let limit = Self.exact.contains { expected.config.hasPrefix($0) } ? 0 : inexact
            let what: Comment = "\(expected.config): \(expected.call): \(found)"
            #expect(found.timesteps == expected.timesteps.map { Float($0) }, what)
            #expect(found.sigmas.count == expected.sigmas.count, what)
            for (sigma, reference) in zip(found.sigmas, expected.sigmas.compactMap { $0 }) {
                #expect(abs(sigma - reference) <= limit * reference, what)
            }
        }
    }

    /// One step cannot be stretched to end above zero and begin at one; the reference has no number for it either.
    @Test func survivesASingleStepWithATerminalSigma() throws {
        let scheduler = try #require(UniPCGolden.schedulers.get()["flow, terminal"])
        #expect(scheduler.schedule(steps: 1).sigmas.count == 2)
    }

    @Test func takesSigmasOnlyWhereTheyAreFlow() throws {
        var config = UniPCConfig()
        let scheduler = UniPCMultistep(config)
        #expect(throws: SchedulerError.takesNoSigmas) { try scheduler.schedule(sigmas: [1, 0.5], mu: nil) }
        config.useFlowSigmas = true
        #expect(try UniPCMultistep(config).schedule(sigmas: [1, 0.5], mu: nil).timesteps == [999, 500])
    }

    @Test func findsAStepByItsTimestep() throws {
        var config = UniPCConfig()
        config.useFlowSigmas = true
        let schedule = try UniPCMultistep(config).schedule(sigmas: [0.9999, 0.9998, 0.5, 0.25], mu: nil)
        #expect([999, 500, 250, 3].map { schedule.index(of: $0) } == [1, 2, 3, 3])
    }
}

@DeviceActor @Suite struct UniPCStepTests {
    @Test(arguments: UniPCGolden.runs.indices) func agreesWithTheReferenceOnEveryStep(_ run: Int) throws {
        let golden = try UniPCGolden.shared.get()
        let run = golden.steps[run]
        let scheduler = try #require(UniPCGolden.schedulers.get()[run.config])
        let schedule = try scheduler.schedule(run.call)
        let begin = run.beginIndex ?? schedule.index(of: run.timesteps[0])
        #expect(begin == run.firstIndex)
        var steps = scheduler.begin(schedule, at: begin)
        var sample = try tensor(golden.sample)
        for (number, expected) in run.samples.enumerated() {
            sample = try steps.step(sample, prediction: tensor(golden.modelOutputs[number])) {
                Issue.record("noise was drawn")
                return sample
            }
            #expect(sample.dtype == .float32)
            let distance = try sample.distance(to: tensor(expected), "\(run), step \(number)")
            #expect(distance <= 1e-5)
        }
    }

    private func tensor(_ values: [[[Float]]]) throws -> Tensor {
        try Tensor(values.flatMap { $0.flatMap { $0 } }, shape: [values.count, values[0].count, values[0][0].count])
    }

    /// With the true velocity, noise minus image, every prediction names the same image, which the steps reach.
    @Test(arguments: [1, 2, 3]) func reachesTheImageAlongTheTrueVelocity(_ order: Int) throws {
        var config = UniPCConfig()
        (config.useFlowSigmas, config.predictionType, config.solverOrder) = (true, .flow, order)
        let scheduler = UniPCMultistep(config)
        let (image, noise) = try (Generator(seed: 1).normal([2, 3]), Generator(seed: 2).normal([2, 3]))
        var steps = scheduler.begin(scheduler.schedule(steps: 5))
        var sample = noise
        for _ in 0..<5 { sample = try steps.step(sample, prediction: noise - image) { noise } }
        #expect(try sample.distance(to: image) <= 1e-5)
    }

    /// What a run remembers is its own: a second one beside it changes nothing.
    @Test func keepsRunsApart() throws {
        let scheduler = UniPCMultistep()
        let schedule = scheduler.schedule(steps: 4)
        let outputs = try (0..<4).map { try Generator(seed: UInt64($0)).normal([1, 5]) }
        func last(_ disturb: Bool) throws -> [Float] {
            var (run, other) = (scheduler.begin(schedule), scheduler.begin(schedule))
            var sample = try Tensor.full(1, [1, 5])
            for output in outputs {
                if disturb { _ = try other.step(output, prediction: sample) { sample } }
                sample = try run.step(sample, prediction: output) { sample }
            }
            return try sample.floats()
        }
        #expect(try last(false) == last(true))
    }
}

@Suite struct UniPCConfigTests {
    private func fault(_ json: String) throws -> ConfigFault {
        let folder = try TemporaryFolder()
        let path = try folder.write(json, to: "scheduler_config.json")
        return try #require(throws: ConfigError.self) { _ = try UniPCConfig.read(path) }.fault
    }

    @Test(arguments: [
        #""thresholding": true"#,
        #""use_karras_sigmas": true, "use_beta_sigmas": true"#,
        #""shift_terminal": 0.1"#,
        #""use_flow_sigmas": true, "prediction_type": "flow_prediction", "predict_x0": false"#,
        #""predict_x0": false"#,
        #""solver_type": "bh1""#,
        #""lower_order_final": false"#,
        #""lower_order_final": false, "solver_order": 3, "final_sigmas_type": "sigma_min", "use_flow_sigmas": true"#,
    ])
    func saysWhatItDoesNotHave(_ settings: String) throws {
        guard case .unsupported = try fault("{\(settings)}") else {
            Issue.record("\(try fault("{\(settings)}"))")
            return
        }
    }

    @Test(arguments: [
        ("solver_order", "0"), ("solver_order", "4"), ("solver_type", "\"rk4\""), ("prediction_type", "\"x\""),
        ("timestep_spacing", "\"log\""), ("final_sigmas_type", "\"one\""), ("beta_schedule", "\"quadratic\""),
        ("time_shift_type", "\"quadratic\""), ("flow_shift", "0"), ("num_train_timesteps", "0"),
        ("steps_offset", "-1"), ("sigma_min", "0"), ("disable_corrector", "true"),
    ])
    func namesTheKeyThatItCannotUse(_ key: String, _ value: String) throws {
        guard case .value(key, _) = try fault(#"{"\#(key)": \#(value)}"#) else {
            Issue.record("\(try fault(#"{"\#(key)": \#(value)}"#))")
            return
        }
    }

    @Test(arguments: ["trained_betas", "solver_p"]) func refusesWhatItCannotCarry(_ key: String) throws {
        #expect(try fault(#"{"\#(key)": [0.1, 0.2]}"#) == .unknown([key]))
    }
}

/// Configs saved after a scheduler was made from the config of another class.
@Suite struct ExchangedSchedulerTests {
    // FlowMatchEulerDiscreteScheduler.from_config(UniPCMultistepScheduler(…).config), saved by diffusers 0.42.1.
    private let both = #"""
        {"_class_name": "FlowMatchEulerDiscreteScheduler", "_diffusers_version": "0.42.1", "base_image_seq_len": 256,
         "base_shift": 0.5, "beta_end": 0.02, "beta_schedule": "linear", "beta_start": 0.0001, "disable_corrector": [],
         "dynamic_thresholding_ratio": 0.995, "final_sigmas_type": "zero", "flow_shift": 3.0, "invert_sigmas": false,
         "lower_order_final": true, "max_image_seq_len": 4096, "max_shift": 1.15, "num_train_timesteps": 1000,
         "predict_x0": true, "prediction_type": "flow_prediction", "rescale_betas_zero_snr": false,
         "sample_max_value": 1.0, "shift": 2.0, "shift_terminal": null, "sigma_max": null, "sigma_min": null,
         "solver_order": 2, "solver_p": null, "solver_type": "bh2", "steps_offset": 0, "stochastic_sampling": false,
         "thresholding": false, "time_shift_type": "exponential", "timestep_spacing": "linspace", "trained_betas": [0.5],
         "use_beta_sigmas": false, "use_dynamic_shifting": false, "use_exponential_sigmas": false,
         "use_flow_sigmas": true, "use_karras_sigmas": false}
        """#

    @Test func keepTheOtherClasssKeys() throws {
        let folder = try TemporaryFolder()
        let euler = try FlowMatchEulerConfig.read(folder.write(both, to: "euler.json")).0
        #expect(euler.shift == 2)
        let own = both.replacing(#""trained_betas": [0.5]"#, with: #""trained_betas": null"#)
        let uniPC = try UniPCConfig.read(folder.write(own, to: "unipc.json")).0
        #expect(uniPC.flowShift == 3 && uniPC.predictionType == .flow)
    }
}

@DeviceActor @Suite struct SchedulerFileTests {
    private func checkpoint(_ name: String, _ config: String) throws -> (CheckpointFolder, TemporaryFolder) {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.file("scheduler"), withIntermediateDirectories: true)
        try folder.write(
            #"{"_class_name": "WanPipeline", "scheduler": ["diffusers", "\#(name)"]}"#, to: "model_index.json")
        try folder.write(config, to: "scheduler/scheduler_config.json")
        return (try CheckpointFolder(folder.path), folder)
    }

    @Test func isOfTheClassThatTheCheckpointNames() throws {
        let (uniPC, first) = try checkpoint("UniPCMultistepScheduler", #"{"use_flow_sigmas": true, "flow_shift": 5}"#)
        let (euler, second) = try checkpoint("FlowMatchEulerDiscreteScheduler", #"{"shift": 5}"#)
        #expect(try uniPC.scheduler() is UniPCMultistep)
        #expect(try euler.scheduler() is FlowMatchEuler)
        for checkpoint in [uniPC, euler] {
            let scheduler = try checkpoint.scheduler()
            #expect(scheduler.schedule(steps: 1, mu: nil).sigmas.count == 2)
        }
        withExtendedLifetime((first, second)) {}
    }

    @Test func namesAClassThatThisBuildDoesNotHave() throws {
        let (checkpoint, folder) = try checkpoint("LCMScheduler", "{}")
        #expect(throws: CheckpointError.self) { try checkpoint.scheduler() }
        withExtendedLifetime(folder) {}
    }

    /// One step leaves UniPC nothing to divide by; two equal levels, or none between two, have no distance.
    @Test(arguments: [
        (#""use_flow_sigmas": true, "shift_terminal": 0.02"#, 1, false),
        (#""use_flow_sigmas": true, "shift_terminal": 0.02"#, 2, true),
        (#""use_flow_sigmas": true, "use_karras_sigmas": true, "sigma_min": 2, "sigma_max": 2"#, 3, false),
        (#""use_flow_sigmas": true, "use_karras_sigmas": true, "sigma_min": 0.1, "sigma_max": 2"#, 3, true),
        (#""use_flow_sigmas": true"#, 1, true), (#""solver_order": 3"#, 5, true),
    ])
    func refusesAScheduleThatIsNotFinite(_ settings: String, _ steps: Int, _ isFinite: Bool) throws {
        let (checkpoint, folder) = try checkpoint("UniPCMultistepScheduler", "{\(settings)}")
        let scheduler = try checkpoint.scheduler()
        var request = GenerationRequest(prompts: ["a"])
        request.numInferenceSteps = steps
        let schedule = scheduler.schedule(steps: steps)
        if isFinite {
            try scheduler.requireFinite(schedule, for: request)
        } else {
            let error = try #require(throws: InvalidRequest.self) {
                try scheduler.requireFinite(schedule, for: request)
            }
            #expect("\(error)".contains("num_inference_steps") && "\(error)".contains("scheduler_config.json"))
        }
        withExtendedLifetime(folder) {}
    }

    @Test func stepsInTheLoopAsAlone() throws {
        let scheduler = UniPCMultistep()
        let schedule = scheduler.schedule(steps: 3)
        let loop = DenoisingLoop(
            scheduler, schedule, noise: try NoiseSource(seeds: [1], count: 1),
            RunEnvironment(ComputeContext(ComputePlan())))
        var times: [Double] = []
        let start = try Generator(seed: 3).normal([1, 4])
        let looped = try loop.run(from: start, times: &times) { latents, timestep in
            try latents * (0.1 + Double(timestep) / 1e4)
        }
        var (steps, sample) = (scheduler.begin(schedule), start)
        for timestep in schedule.timesteps {
            sample = try steps.step(sample, prediction: sample * (0.1 + Double(timestep) / 1e4)) { start }
        }
        #expect(try looped.floats() == sample.floats())
    }
}
