import Diffusion
import Layers
import Tensors
import TestKit
import Testing

@Suite struct NoiseScheduleTests {
    /// Configs whose sigmas go through pow, exp, log or the beta distribution, where the last place is the library's.
    private static let transcendental = ["karras", "exponential", "beta"]

    @Test func agreesWithTheReferenceOnEverySchedule() throws {
        let golden = try SchedulerGolden.read()
        let schedulers = try SchedulerGolden.schedulers()
        #expect(golden.schedules.count > 300)
        for expected in golden.schedules {
            let scheduler = try #require(schedulers[expected.config])
            let found = scheduler.schedule(expected.call)
            let limit = Self.transcendental.contains { expected.config.hasPrefix($0) } ? 1 : 0
            let what: Comment = "\(expected.config): \(expected.call): \(found)"
            #expect(places(found.sigmas, expected.sigmas) <= limit, what)
            #expect(places(found.timesteps, expected.timesteps) <= limit, what)
        }
    }

    /// How many representable numbers lie between two lists at most.
    private func places(_ found: [Float], _ expected: [Float?]) -> Int {
        guard found.count == expected.count else { return .max }
        return zip(found, expected).map { found, expected in
            guard let expected else { return found.isFinite ? .max : 0 }
            guard found.isFinite, (found < 0) == (expected < 0) || found == expected else { return .max }
            return found == expected ? 0 : abs(Int(found.bitPattern) - Int(expected.bitPattern))
        }.max() ?? 0
    }

    @Test func goesFromNoiseToImage() {
        for steps in [1, 2, 4, 28, 1000] {
            let schedule = FlowMatchEuler().schedule(steps: steps)
            #expect(schedule.sigmas.count == steps + 1)
            #expect(schedule.timesteps.count == steps)
            #expect(schedule.sigmas.first == 1)
            #expect(schedule.sigmas.last == 0)
            #expect(zip(schedule.sigmas, schedule.sigmas.dropFirst()).allSatisfy { $0 > $1 })
        }
    }

    @Test func shiftsWithTheNumberOfTokensAlongALine() {
        let scheduler = FlowMatchEuler()
        #expect(abs(scheduler.mu(tokens: 256) - 0.5) < 1e-12)
        #expect(abs(scheduler.mu(tokens: 4096) - 1.15) < 1e-12)
        #expect(abs(scheduler.mu(tokens: 2176) - 0.825) < 1e-12)
    }

    @Test func spacesNumbersEvenly() {
        #expect(linspace(0, 1, 5) == [0, 0.25, 0.5, 0.75, 1])
        #expect(linspace(1, 0, 3) == [1, 0.5, 0])
        #expect(linspace(3, 9, 1) == [3])
        #expect(linspace(3, 9, 0).isEmpty)
        // As NumPy: the last number is the end itself, the others are k · step + start.
        #expect(linspace(1, 0.1, 10).last == 0.1)
        #expect(linspace(0.1, 1, 4)[2] == 2 * ((1 - 0.1) / 3) + 0.1)
    }
}

@DeviceActor @Suite struct FlowMatchEulerStepTests {
    @Test(arguments: SchedulerGolden.runs.indices)
    func agreesWithTheReferenceOnEveryStep(_ run: Int) throws {
        let run = SchedulerGolden.runs[run]
        let scheduler = try #require(SchedulerGolden.schedulers()[run.config])
        let schedule = scheduler.schedule(run.call)
        let dtype = try #require(DType(rawValue: run.dtype))
        let generator = try Generator(seed: run.generatorSeed ?? 0)
        let begin = run.beginIndex ?? 0
        var sample = try tensor(run.sample).to(dtype)
        for (number, expected) in run.samples.enumerated() {
            let index = begin + number
            let next = try scheduler.step(
                sample, velocity: tensor(run.modelOutputs[index]).to(dtype), index: index, of: schedule
            ) { try generator.normal([1, 2, 3]) }
            #expect(next.dtype == .float32)
            // The reference rounds the sample to the model's type after each step.
            sample = try next.to(dtype)
            let distance = try sample.distance(to: tensor(expected), "\(run), step \(index)")
            // In 16 bits the reference also rounds the velocity's product, so the last place may differ.
            #expect(distance <= (dtype == .float32 ? 5e-7 : 1.0 / 128))
        }
    }

    private func tensor(_ values: [[[Float]]]) throws -> Tensor {
        try Tensor(
            values.flatMap { $0.flatMap { $0 } }, shape: [values.count, values[0].count, values[0][0].count])
    }

    /// With the true velocity, noise minus image, one step from any level lands on the image.
    @Test(arguments: [0, 1, 3]) func reachesTheImageAlongTheTrueVelocity(_ index: Int) throws {
        let schedule = FlowMatchEuler().schedule(sigmas: [1, 0.75, 0.5, 0.25])
        let (image, noise) = try (Generator(seed: 1).normal([2, 3]), Generator(seed: 2).normal([2, 3]))
        let sigma = Double(schedule.sigmas[index])
        var sample = try image * (1 - sigma) + noise * sigma
        for step in index..<4 {
            sample = try FlowMatchEuler().step(sample, velocity: noise - image, index: step, of: schedule) { noise }
        }
        #expect(try sample.distance(to: image) <= 1e-6)
    }

    @Test func drawsNoNoiseWhereNoneIsAskedFor() throws {
        let schedule = FlowMatchEuler().schedule(steps: 2)
        let x = try Tensor.full(1, [1])
        _ = try FlowMatchEuler().step(x, velocity: x, index: 0, of: schedule) {
            Issue.record("noise was drawn")
            return x
        }
    }
}

@Suite struct FlowMatchEulerConfigTests {
    private func fault(_ json: String) throws -> ConfigFault {
        let folder = try TemporaryFolder()
        let path = try folder.write(json, to: "scheduler_config.json")
        return try #require(throws: ConfigError.self) { _ = try FlowMatchEulerConfig.read(path) }.fault
    }

    @Test(arguments: [
        #"{"use_karras_sigmas": true, "use_beta_sigmas": true}"#,
        #"{"use_exponential_sigmas": true, "use_beta_sigmas": true}"#,
        #"{"use_karras_sigmas": true, "use_exponential_sigmas": true, "use_beta_sigmas": true}"#,
    ])
    func refusesTwoCurvesAtOnce(_ json: String) throws {
        guard case .unsupported = try fault(json) else {
            Issue.record("\(try fault(json))")
            return
        }
    }

    @Test(arguments: [
        ("time_shift_type", "\"quadratic\""), ("num_train_timesteps", "0"), ("num_train_timesteps", "-5"),
        ("num_train_timesteps", "\"many\""), ("shift", "0"), ("shift", "-1"), ("shift", "\"x\""),
        ("shift_terminal", "1.0"), ("shift_terminal", "-0.1"), ("use_dynamic_shifting", "3"),
        ("max_image_seq_len", "256"),
    ])
    func namesTheKeyThatItCannotUse(_ key: String, _ value: String) throws {
        guard case .value(key, _) = try fault(#"{"\#(key)": \#(value)}"#) else {
            Issue.record("\(try fault(#"{"\#(key)": \#(value)}"#))")
            return
        }
    }

    @Test func refusesOptionsOfNoSchedulerHere() throws {
        #expect(try fault(#"{"sampling_eps": 0.1, "shift": 3.0}"#) == .unknown(["sampling_eps"]))
    }
}
