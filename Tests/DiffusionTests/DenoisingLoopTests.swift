import Diffusion
import Layers
import Synchronization
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct DenoisingLoopTests {
    private let scheduler = FlowMatchEuler()

    private func loop(
        steps: Int, trace: Trace? = nil, context: ComputeContext = ComputeContext(ComputePlan()),
        observe: @escaping ProgressObserver = { _ in }
    ) throws -> DenoisingLoop {
        DenoisingLoop(
            scheduler, scheduler.schedule(steps: steps), noise: try NoiseSource(seeds: [1], count: 1),
            RunEnvironment(context, observe: observe, trace: trace))
    }

    @Test func runsEveryStepInOrder() throws {
        let seen = Mutex<[Progress]>([])
        let loop = try loop(steps: 3) { progress in seen.withLock { $0.append(progress) } }
        var times: [Double] = []
        var timesteps: [Float] = []
        let clean = try loop.run(from: .full(1, [1, 4]), times: &times) { latents, timestep in
            timesteps.append(timestep)
            return latents
        }
        #expect(timesteps == loop.schedule.timesteps)
        #expect(times.count == 3)
        #expect(times.allSatisfy { $0 >= 0 })
        #expect(seen.withLock { $0 } == (0...3).map { .denoising(step: $0, of: 3) })
        #expect(clean.shape == [1, 4])
        #expect(clean.dtype == .float32)
    }

    @Test func tellsKernelsTheStep() throws {
        let context = ComputeContext(ComputePlan())
        let loop = try loop(steps: 3, context: context)
        var (times, seen): ([Double], [DenoisingStep?]) = ([], [])
        _ = try loop.run(from: .full(1, [1, 4]), times: &times) { latents, _ in
            seen.append(context.step)
            return latents
        }
        let schedule = loop.schedule
        #expect(
            seen
                == (0..<3).map {
                    DenoisingStep(
                        index: $0, of: 3, timestep: schedule.timesteps[$0], sigma: Double(schedule.sigmas[$0]))
                })
        #expect(context.step == nil)
    }

    /// Two models may share the steps.
    @Test func goesOnWhereItStopped() throws {
        let trace = Trace()
        let loop = try loop(steps: 4, trace: trace)
        let whole = try self.loop(steps: 4)
        func predict(_ latents: Tensor, _ timestep: Float) throws -> Tensor { try latents * Double(timestep / 1000) }
        var times: [Double] = []
        let start = try Tensor.full(1, [1, 4])
        let half = try loop.run(from: start, to: 1, times: &times, predict: predict)
        #expect(times.count == 1)
        let rest = try loop.run(from: half, times: &times, predict: predict)
        #expect(times.count == 4)
        #expect(try rest.floats() == whole.run(from: start, times: &times, predict: predict).floats())
        #expect(trace.entries.map(\.name).filter { $0.hasPrefix("latents") }.count == 5)
    }

    @Test(arguments: [Float.nan, .infinity]) func refusesLatentsThatAreNotFiniteAtTheEnd(_ value: Float) throws {
        var times: [Double] = []
        let loop = try loop(steps: 2)
        let spoilt = try Tensor([0, value, 0, 0], shape: [1, 4])
        let half = try loop.run(from: .full(1, [1, 4]), to: 1, times: &times) { _, _ in spoilt }
        #expect(throws: NonFiniteOutput.latents) {
            _ = try loop.run(from: half, times: &times) { latents, _ in latents }
        }
        #expect(times.count == 2)
    }

    @Test func showsNothingOfImagesThatAreNotFinite() throws {
        let seen = Mutex(0)
        let loop = try loop(steps: 2) { if case .preview = $0 { seen.withLock { $0 += 1 } } }
        loop.preview = DenoisingLoop.Preview(1, of: 2) { _ in throw NonFiniteOutput.decoded }
        var times: [Double] = []
        _ = try loop.run(from: .full(1, [1, 4]), times: &times) { latents, _ in latents }
        #expect(seen.withLock { $0 } == 0)
    }

    @Test func recordsWhatTheTracesContractNames() throws {
        let trace = Trace()
        var times: [Double] = []
        _ = try loop(steps: 2, trace: trace).run(from: .full(1, [1, 4]), times: &times) { latents, _ in latents }
        #expect(
            Set(trace.entries.map(\.name)) == [
                "latents.initial", "noise_pred.step0", "latents.step0", "noise_pred.step1", "latents.step1",
            ])
        #expect(trace.entries.allSatisfy { $0.shape == [1, 4] && $0.values.count == 4 })
    }

    @Test func stepsSoundBesideTheVideo() throws {
        let (trace, context) = (Trace(), ComputeContext(ComputePlan()))
        let alone = try loop(steps: 3)
        let both = DenoisingLoop(
            scheduler, scheduler.schedule(steps: 3), noise: try NoiseSource(seeds: [1], count: 1),
            RunEnvironment(context, trace: trace))
        var times: [Double] = []
        try both.begin([.full(1, [1, 4]), .full(2, [1, 6])])
        while both.index < both.count {
            try both.step(times: &times) { latents, _ in try latents.map { try $0 * 0.5 } }
        }
        let expected = try alone.run(from: .full(2, [1, 6]), times: &times) { latents, _ in try latents * 0.5 }
        #expect(try both.latents[1].floats() == expected.floats())
        #expect(both.latents.map(\.shape) == [[1, 4], [1, 6]])
        #expect(Set(trace.entries.map(\.name)).isSuperset(of: ["latents.step2", "audio_latents.step2"]))
    }

    /// Tokens that are held are in what is predicted from, and stay as they are; the trace tells of a stage by name.
    @Test func holdsTheFirstTokens() throws {
        let (trace, context) = (Trace(), ComputeContext(ComputePlan()))
        let both = DenoisingLoop(
            scheduler, scheduler.schedule(steps: 2), noise: try NoiseSource(seeds: [1], count: 1),
            RunEnvironment(context, trace: trace), stage: "later.")
        let latents = try Tensor([1, 2, 3, 4, 5, 6, 7, 8] as [Float], shape: [1, 4, 2])
        var times: [Double] = []
        try both.begin([latents, latents], holding: HeldTokens(latents.slice(0..<1, axis: 1)))
        while both.index < both.count {
            #expect(try both.latents[0].slice(0..<1, axis: 1).floats() == [1, 2])
            try both.step(times: &times) { latents, _ in latents }
        }
        let (held, free) = (try both.latents[0].floats(), try both.latents[1].floats())
        #expect(held[0..<2] == [1, 2] && free[0..<2] != [1, 2])
        #expect(held[2...] == free[2...])
        let names = ["later.latents.initial", "later.noise_pred.step1", "later.audio_latents.step0"]
        #expect(Set(trace.entries.map(\.name)).isSuperset(of: names))
        #expect(trace.entries.first { $0.name == "later.noise_pred.step0" }?.shape == [1, 3, 2])
    }

    /// Euler's step by hand: what is predicted of a held token's x0 is mixed with what is known.
    @Test(arguments: [0, 0.25, 0.8]) func leadsHeldTokensToWhatIsKnown(_ strength: Double) throws {
        let loop = DenoisingLoop(
            scheduler, scheduler.schedule(steps: 3), noise: try NoiseSource(seeds: [1], count: 1),
            RunEnvironment(ComputeContext(ComputePlan())))
        let clean = try Tensor([3, -1] as [Float], shape: [1, 1, 2])
        var expected = [0.5, 2, -1, 4, 0.25, -3]
        var times: [Double] = []
        try loop.begin(
            [try Tensor(expected.map(Float.init), shape: [1, 3, 2])], holding: HeldTokens(clean, strength: strength))
        while loop.index < loop.count {
            let (sigma, next) = (Double(loop.schedule.sigmas[loop.index]), Double(loop.schedule.sigmas[loop.index + 1]))
            for index in expected.indices {
                let x = expected[index]
                var x0 = x - 0.5 * x * sigma
                if index < 2 { x0 = (1 - strength) * x0 + strength * [3, -1][index] }
                expected[index] = x + (next - sigma) * (x - x0) / sigma
            }
            try loop.step(times: &times) { latents, _ in [try latents[0] * 0.5] }
            let found = try loop.latents[0].floats()
            #expect(zip(found, expected).allSatisfy { abs(Double($0) - $1) < 1e-5 }, "\(found) for \(expected)")
        }
    }

    @Test func endsBetweenTwoStepsWhenItsTaskIsCancelled() async throws {
        let steps = Counter()
        let task = Task { @DeviceActor in
            var times: [Double] = []
            _ = try loop(steps: 50).run(from: .full(1, [1, 4]), times: &times) { latents, _ in
                steps.value += 1
                if steps.value == 2 { withUnsafeCurrentTask { $0?.cancel() } }
                return latents
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(steps.value == 2)
    }

    @Test func doesNotBeginWhenItsTaskIsCancelledBefore() async throws {
        let steps = Counter()
        let task = Task { @DeviceActor in
            withUnsafeCurrentTask { $0?.cancel() }
            var times: [Double] = []
            _ = try loop(steps: 5).run(from: .full(1, [1, 4]), times: &times) { latents, _ in
                steps.value += 1
                return latents
            }
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(steps.value == 0)
    }

    @Test func passesAnErrorOn() throws {
        var times: [Double] = []
        #expect(throws: TensorError.self) {
            _ = try loop(steps: 2).run(from: .full(1, [1, 4]), times: &times) { latents, _ in
                try latents.reshaped(3)
            }
        }
    }
}

/// A number that the device's thread counts.
@DeviceActor private final class Counter {
    nonisolated init() {}
    var value = 0
}

@DeviceActor @Suite struct NoiseSourceTests {
    @Test func drawsAWholeBatchFromOneSeed() throws {
        let source = try NoiseSource(seeds: [7], count: 2)
        let generator = try Generator(seed: 7)
        #expect(try source.draw([3, 5]).floats() == generator.normal([2, 3, 5]).floats())
        #expect(try source.draw([3, 5]).floats() == generator.normal([2, 3, 5]).floats())
    }

    @Test func drawsEachItemFromItsOwnSeed() throws {
        let noise = try NoiseSource(seeds: [7, 8], count: 2).draw([3, 5])
        for (index, seed) in [7, 8].enumerated() {
            let alone = try NoiseSource(seeds: [UInt64(seed)], count: 1).draw([3, 5])
            #expect(try noise.slice(index..<index + 1, axis: 0).floats() == alone.floats())
        }
    }

    /// A seed for each of two prompts serves the two images of each in a row.
    @Test func sharesASeedAmongTheImagesOfAPrompt() throws {
        let noise = try NoiseSource(seeds: [7, 8], count: 4).draw([6])
        let (first, second) = try (Generator(seed: 7), Generator(seed: 8))
        let expected = try [first, first, second, second].flatMap { try $0.normal([1, 6]).floats() }
        #expect(try noise.floats() == expected)
    }
}

@DeviceActor @Suite struct PixelTests {
    @Test func turnsMinusOneToOneIntoBytes() throws {
        let values: [Float] = [-1, 1, 0, -2, 2, -0.999, 0.5]
        let batch = try PixelPart(images: Tensor(values.flatMap { [$0, $0, $0] }, shape: [7, 3, 1, 1]))
        let expected: [UInt8] = [0, 255, 128, 0, 255, 0, 191]
        #expect(batch.bytes == expected.flatMap { [$0, $0, $0] })
    }

    @Test(arguments: [Float.nan, .infinity, -.infinity], [DType.float32, .bfloat16, .float16])
    func refusesWhatIsNoColour(_ value: Float, _ dtype: DType) throws {
        let image = try Tensor([0, value, 0], shape: [1, 3, 1, 1]).to(dtype)
        #expect(throws: NonFiniteOutput.decoded) { try PixelPart(images: image) }
        #expect(throws: NonFiniteOutput.decoded) { try PixelPart(frames: image.unsqueezed(2), from: 0, of: 1) }
    }

    @Test func putsTheColoursOfAPixelTogether() throws {
        let decoded = try Tensor.range(24).reshaped(2, 3, 2, 2) / 127.5 - 1
        let batch = try PixelBatch(PixelPart(images: decoded))
        #expect(batch.shape == PixelShape(count: 2, height: 2, width: 2))
        #expect(batch.item(0) == [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11])
        #expect(batch.item(1) == [12, 16, 20, 13, 17, 21, 14, 18, 22, 15, 19, 23])
    }

    @Test func putsTheFramesOfEveryVideoTogether() throws {
        let decoded = try Tensor.range(2 * 3 * 5).reshaped(2, 3, 5, 1, 1) / 127.5 - 1
        let whole = try PixelPart(frames: decoded, from: 0, of: 5)
        var expected: [UInt8] = []
        for video in 0..<2 {
            for frame in 0..<5 {
                for colour in 0..<3 { expected.append(UInt8(15 * video + 5 * colour + frame)) }
            }
        }
        #expect(whole.bytes == expected)
        let collector = OutputCollector()
        #expect(collector.pixels == nil)
        for frames in [0..<1, 1..<3, 3..<5] {
            collector.add(
                .pixels(try PixelPart(frames: decoded.slice(frames, axis: 2), from: frames.lowerBound, of: 5)))
        }
        #expect(collector.pixels == PixelBatch(whole))
        #expect(collector.pixels?.shape == PixelShape(count: 2, frames: 5, height: 1, width: 1))
        #expect(collector.pixels?.item(1) == Array(expected[15...]))
    }

    @Test(arguments: [DType.bfloat16, .float16]) func roundsIn32Bits(_ dtype: DType) throws {
        let decoded = try Tensor([0.7421875, -0.25, 0.125] as [Float], shape: [1, 3, 1, 1])
        #expect(try PixelPart(images: decoded.to(dtype)).bytes == PixelPart(images: decoded).bytes)
    }
}

@DeviceActor @Suite struct GuidanceTests {
    private func guided(_ guidance: Guidance, _ predictions: [Double], latents: Double = 0, sigma: Double = 1) throws
        -> Double
    {
        let tensors = try predictions.map { try Tensor.full($0, [2]) }
        let result = try guidance(tensors, latents: .full(latents, [2]), sigma: sigma).floats()
        #expect(result[0] == result[1])
        return Double(result[0])
    }

    @Test func goesFromTheNegativePastThePositive() throws {
        for (scale, expected) in [(0.0, 1.0), (1, 3), (2.5, 6)] {
            #expect(try guided(Guidance(negative: scale), [3, 1]) == expected)
        }
        #expect(Guidance(negative: 2).branches == [.positive, .negative])
    }

    @Test func takesThePositiveAloneAsItIs() throws {
        #expect(Guidance().branches == [.positive])
        let half = try Guidance()([Tensor.full(3, [2]).to(.bfloat16)], latents: .full(0, [2]), sigma: 1)
        #expect(half.dtype == .float32)
        #expect(try half.floats() == [3, 3])
    }

    @Test func leadsAwayFromEveryBranch() throws {
        let guidance = Guidance(negative: 3, perturbed: 1, isolated: 2)
        #expect(guidance.branches == [.positive, .negative, .perturbed, .isolated])
        // 1 + (4 - 1) · 3, and (4 - 2) · 1, and (4 - 3) · 2
        #expect(try guided(guidance, [4, 1, 2, 3]) == 14)
    }

    /// All of the way the spread is that of the prompt's prediction; half of it is half of both.
    @Test(arguments: [(1.0, 1.0), (0.5, 2.0), (0, 3)]) func bringsTheSpreadBack(_ rescale: Double, _ spread: Double)
        throws
    {
        let guidance = Guidance(negative: 3, rescale: rescale)
        let (positive, zero) = (try Tensor([-1, 1, 3, 5] as [Float], shape: [2, 2]), try Tensor.full(0, [2, 2]))
        let result = try guidance([positive, zero], latents: zero, sigma: 1).floats()
        let expected = [-1, 1, 3, 5].map { $0 * Float(spread) }
        #expect(zip(result, expected).allSatisfy { ($0 - $1).magnitude < 1e-5 }, "\(result)")
    }

    /// Flow predictions are linear in the clean latents, so that both spaces agree where nothing else happens.
    @Test func combinesCleanLatents() throws {
        func guided(in space: Guidance.Space) throws -> Double {
            let guidance = Guidance(negative: 3, perturbed: 0.5, in: space)
            return try self.guided(guidance, [4, 1, 2], latents: 5, sigma: 0.5)
        }
        #expect(try abs(guided(in: .denoised) - guided(in: .prediction)) < 1e-5)
    }
}
