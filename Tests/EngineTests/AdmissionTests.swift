import Diffusion
import Engine
import Models
import TestKit
import Testing

/// The command line, the library and the server settle a request by this one answer.
@Suite struct AdmissionTests {
    private func model() throws -> any ModelFamily { try Catalog.model(at: TinyCheckpoint.path()) }

    private func request(_ change: (inout GenerationRequest) -> Void = { _ in }) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a fox"])
        (request.height, request.width, request.numInferenceSteps) = (64, 48, 2)
        change(&request)
        return request
    }

    @Test func fillsInWhatIsLeftOpen() throws {
        let admission = try Admission(model(), PipelineOptions())
        let admitted = try admission.admit(request())
        #expect(admitted.request.guidanceScale == 3.5)
        #expect(admitted.request.seeds.count == 1)
        #expect(try #require(admitted.forecast).leastPeak > MemoryForecast.process())
        #expect(admitted.notes.isEmpty)
    }

    /// JavaScript's numbers hold no more bits.
    @Test func drawsSeedsThatEveryClientCanSay() throws {
        let admission = try Admission(model(), PipelineOptions())
        let seeds = try (0..<64).map { _ in try admission.admit(request()).request.seeds[0] }
        #expect(seeds.allSatisfy { $0 < 1 << 53 })
        #expect(Set(seeds).count > 60)
        #expect(seeds.contains { $0 > 1 << 40 })
        #expect(try admission.admit(request { $0.seeds = [7] }).request.seeds == [7])
    }

    @Test func refusesASingleStepWithAStepCache() throws {
        let options = PipelineOptions(stepCache: StepCacheSettings(.dualBlock(DualBlockSettings())))
        let admission = try Admission(model(), options)
        let error = try #require(throws: InvalidRequest.self) {
            try admission.admit(request { $0.numInferenceSteps = 1 })
        }
        #expect("\(error)".contains("num_inference_steps"))
        #expect(try admission.admit(request()).request.numInferenceSteps == 2)
    }

    @Test func refusesWhatMemoryDoesNotHoldAfterTheOtherLimits() throws {
        let admission = try Admission(model(), PipelineOptions(memoryLimit: 1000))
        let error = try #require(throws: InvalidRequest.self) { try admission.admit(request()) }
        #expect("\(error)".contains("memory"))
        #expect(throws: CancellationError.self) { try admission.admit(request()) { _ in throw CancellationError() } }
        #expect(!admission.fits(try model().resolve(request())))
        #expect(try Admission(model(), PipelineOptions()).fits(model().resolve(request())))
    }

    @Test func tellsWhatHasNoEffect() throws {
        let admission = try Admission(model(), PipelineOptions())
        let notes = try admission.admit(request { $0.negativePrompts = ["fog"] }).notes
        #expect(notes.count == 1)
        #expect("\(notes)".contains("negative_prompt"))
    }
}
