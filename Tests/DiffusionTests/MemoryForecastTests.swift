import Diffusion
import Layers
import Testing

@Suite struct MemoryForecastTests {
    private static let process = MemoryForecast.process()
    private static let gigabyte = 1_000_000_000
    private static let text = MemoryStage(["text"], activations: 1 * gigabyte)
    private static let denoise = MemoryStage(["transformer"], activations: 4 * gigabyte)
    private static let decode = MemoryStage(["vae"], activations: 2 * gigabyte)
    private static let forecast = MemoryForecast(
        weights: ["text": 10, "transformer": 24, "vae": 1].mapValues { WeightMemory(bytes: $0 * gigabyte) },
        stages: [text, denoise, decode])

    private func released(_ resident: [String], before stage: MemoryStage, _ gigabytes: Int) -> [String] {
        let limit = Self.process + gigabytes * Self.gigabyte
        return Self.forecast.released(before: stage, resident: resident, limit: limit)
    }

    @Test func knowsThePeakWithAndWithoutReleasing() {
        #expect(Self.forecast.peakKeepingAll == Self.process + 39 * Self.gigabyte)
        #expect(Self.forecast.leastPeak == Self.process + 28 * Self.gigabyte)
    }

    /// The components of a stage compute one after the other, and others not at all.
    @Test func countsTheLargestCopiesOfWhatAStageComputesWith() {
        let copies = ["text": 3, "transformer": 2, "vae": 1]
        let weights = copies.mapValues { WeightMemory(bytes: Self.gigabyte, copies: $0 * Self.gigabyte) }
        let stages = [MemoryStage(["transformer", "vae"], activations: 4 * Self.gigabyte), Self.text]
        let forecast = MemoryForecast(weights: weights, stages: stages)
        #expect(stages.map { forecast.working($0).count } == [6 * Self.gigabyte, 4 * Self.gigabyte])
        #expect(forecast.peakKeepingAll == Self.process + 9 * Self.gigabyte)
        #expect(forecast.leastPeak == Self.process + 8 * Self.gigabyte)
        let limit = Self.process + 8 * Self.gigabyte
        #expect(forecast.released(before: stages[0], resident: ["text"], limit: limit) == ["text"])
        #expect(forecast.fitting(["text", "transformer", "vae"], limit: limit) == ["text", "transformer"])
    }

    /// Those of this request are there in every stage; those of others leave where they are in its way.
    @Test func countsCapturedGraphs() {
        let denoise = MemoryStage(
            ["transformer"], activations: 4 * MemorySize(Self.gigabyte), graphs: 3 * MemorySize(Self.gigabyte))
        let forecast = MemoryForecast(weights: Self.forecast.weights, stages: [Self.text, denoise, Self.decode])
        #expect(forecast.peakKeepingAll == Self.process + 42 * Self.gigabyte)
        #expect(forecast.leastPeak == Self.process + 31 * Self.gigabyte)
        let limit = Self.process + 50 * Self.gigabyte
        #expect(forecast.leavesRoom(for: 8 * Self.gigabyte, limit: limit))
        #expect(!forecast.leavesRoom(for: 8 * Self.gigabyte + 1, limit: limit))
    }

    @Test(arguments: [(28, 28), (30, 30), (39, 39), (100, 39), (10, 28)])
    func expectsTheLimitOrThePeakIfThatIsLess(_ limit: Int, _ peak: Int) {
        let found = Self.forecast.peak(within: Self.process + limit * Self.gigabyte)
        #expect(found == Self.process + peak * Self.gigabyte)
    }

    @Test func refusesWhatCannotRunAndNamesBothNumbers() throws {
        let limit = Self.process + 28 * Self.gigabyte
        try Self.forecast.require(limit)
        let error = try #require(throws: InvalidRequest.self) { try Self.forecast.require(limit - 1) }
        #expect(error.problems == [.memory(needed: limit, available: limit - 1)])
        let megabytes = limit / 1_000_000
        #expect("\(error)".contains("\(megabytes) MB"))
        #expect("\(error)".contains("\(megabytes - 1) MB"))
    }

    /// With no limit the machine's memory is the limit, which no machine has enough of here.
    @Test func takesTheMachineForALimit() throws {
        let stage = MemoryStage(["text"], activations: MemorySize(1 << 55))
        let weights = ["text": WeightMemory(bytes: 1)]
        let forecast = MemoryForecast(weights: weights, stages: [stage])
        #expect(throws: InvalidRequest.self) { try forecast.require(nil) }
        try MemoryForecast(weights: weights, stages: [MemoryStage(["text"], activations: 1)]).require(nil)
    }

    @Test func releasesTextEncodersBeforeDenoisingOnlyWhereTheyDoNotFit() {
        #expect(released(["text"], before: Self.denoise, 38) == [])
        #expect(released(["text"], before: Self.denoise, 37) == ["text"])
        #expect(released(["text", "vae"], before: Self.denoise, 38) == ["text"])
        #expect(released(["text", "vae"], before: Self.denoise, 29) == ["text"])
        #expect(released(["text", "vae"], before: Self.denoise, 28) == ["text", "vae"])
    }

    @Test func makesRoomForTextEncodersThatComeBack() {
        #expect(released(["transformer", "vae"], before: Self.text, 36) == [])
        #expect(released(["transformer", "vae"], before: Self.text, 35) == ["transformer"])
        #expect(released(["transformer", "vae"], before: Self.text, 11) == ["transformer", "vae"])
    }

    /// Of the transformer no more than two of its blocks and what is of no block must be on the device.
    @Test func letsBlocksWaitInTheHostsMemory() throws {
        let gigabyte = Self.gigabyte
        let weights = [
            "text": WeightMemory(bytes: 10 * gigabyte), "vae": WeightMemory(bytes: gigabyte),
            "transformer": WeightMemory(bytes: 24 * gigabyte, blocks: Array(repeating: 2 * gigabyte, count: 11)),
        ]
        let stages = [Self.text, Self.denoise, Self.decode]
        func forecast(_ offload: OffloadPlan?) -> MemoryForecast {
            MemoryForecast(weights: weights, stages: stages, offload: offload)
        }
        #expect(forecast(nil).leastPeak == Self.process + 28 * gigabyte)
        let waiting = forecast(OffloadPlan())
        #expect(waiting.leastPeak == Self.process + 11 * gigabyte)
        try waiting.require(waiting.leastPeak)
        func offloaded(_ gigabytes: Int) -> [String: Int]? {
            waiting.offloaded(in: Self.denoise, limit: Self.process + gigabytes * gigabyte)
        }
        #expect(offloaded(11) == ["transformer": 17 * gigabyte])
        #expect(offloaded(20) == ["transformer": 8 * gigabyte])
        #expect(offloaded(28) == ["transformer": 0])
        #expect(offloaded(39) == nil)
        #expect(waiting.offloaded(in: Self.text, limit: Self.process + 11 * gigabyte) == ["text": 0])
        var plan = OffloadPlan()
        plan.components = ["text", "vae"]
        #expect(forecast(plan).leastPeak == Self.process + 28 * gigabyte)
        #expect(forecast(plan).offloaded(in: Self.denoise, limit: Self.process + 28 * gigabyte) == [:])
    }

    @Test func neverReleasesWhatTheStageNeeds() {
        #expect(released(["text", "transformer", "vae"], before: Self.denoise, 1) == ["text", "vae"])
    }

    @Test(arguments: [
        (39, ["text", "transformer", "vae"]), (38, ["text", "transformer"]), (37, ["text", "vae"]), (14, ["text"]),
        (13, ["vae"]), (4, []),
    ])
    func loadsBeforehandWhatFitsTogether(_ limit: Int, _ components: [String]) {
        let found = Self.forecast.fitting(
            ["text", "transformer", "vae"], limit: Self.process + limit * Self.gigabyte)
        #expect(found == components)
    }
}
