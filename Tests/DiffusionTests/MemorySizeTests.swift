import Diffusion
import Foundation
import Testing

@Suite struct MemorySizeTests {
    private let most = MemorySize(Int.max)

    @Test func countsLikeWholeNumbers() {
        let size: MemorySize = 7
        #expect((3 * size + 2 * size * 5).count == 91)
        #expect((size / 2).count == 3)
        #expect(([size, 1, 2] as [MemorySize]).sum() == 10)
        #expect(MemorySize(-3).count == 0)
        #expect(MemorySize(2.9).count == 2)
    }

    @Test func staysAtTheLargestNumber() {
        #expect(most + 1 == most)
        #expect(most + most == most)
        #expect(most * 2 == most)
        #expect(most * most * most == most)
        #expect(MemorySize(1 << 32) * (1 << 32) == most)
        #expect([most, most].sum() == most)
        #expect((most * 0).count == 0)
        for number in [1e300, 9.3e18, .infinity, .nan] { #expect(MemorySize(number) == most) }
        #expect(MemorySize(-Double.infinity).count == 0)
        #expect(most / 0 == most)
    }

    @Test func isANumberInJSON() throws {
        let stage = MemoryStage(["vae"], activations: most)
        let json = try JSONEncoder().encode(stage)
        #expect(String(decoding: json, as: UTF8.self).contains("\"activations\":\(Int.max)"))
        #expect(try JSONDecoder().decode(MemoryStage.self, from: json) == stage)
    }

    /// Sums of stages and weights stay there too, and are refused by every machine.
    @Test func aForecastOfItIsRefused() throws {
        let forecast = MemoryForecast(
            weights: ["a": Int.max, "b": Int.max - 1, "c": 1].mapValues { WeightMemory(bytes: $0) },
            stages: [MemoryStage(["a", "b"], activations: most), MemoryStage(["c"], activations: 1)])
        #expect(forecast.peakKeepingAll == .max && forecast.leastPeak == .max)
        #expect(forecast.fitting(["a", "b", "c"], limit: 1 << 40).isEmpty)
        #expect(forecast.released(before: forecast.stages[1], resident: ["a", "b"], limit: 1 << 40) == ["a", "b"])
        let error = #expect(throws: InvalidRequest.self) { try forecast.require(nil) }
        #expect(error.map { "\($0)" }?.contains("needs about") == true)
        #expect(throws: InvalidRequest.self) { try forecast.require(Int.max - 1) }
    }

    @Test func countsOutputsWithoutAnEnd() {
        var request = GenerationRequest(prompts: ["a", "b"])
        request.numImagesPerPrompt = .max
        #expect(request.outputCount == .max)
    }
}
