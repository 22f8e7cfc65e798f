import Diffusion
import Testing

@Suite struct RequestCheckTests {
    private func request(_ change: (inout GenerationRequest) -> Void) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a", "b"])
        change(&request)
        return request
    }

    @Test(arguments: [0, 1, 2, 6]) func takesOneSeedOrOneForEachPromptOrPicture(_ seeds: Int) throws {
        try request {
            $0.numImagesPerPrompt = 3
            $0.seeds = (0..<seeds).map(UInt64.init)
        }.requireBatch()
    }

    @Test(arguments: [3, 4, 5, 7]) func refusesAnotherNumberOfSeeds(_ seeds: Int) {
        let request = request {
            $0.numImagesPerPrompt = 3
            $0.seeds = (0..<seeds).map(UInt64.init)
        }
        #expect(throws: RequestError.count("seed", found: seeds, expected: [1, 2, 6])) { try request.requireBatch() }
    }

    @Test func needsAPrompt() {
        #expect(throws: RequestError.missing("prompt")) { try GenerationRequest(prompts: []).requireBatch() }
    }

    @Test(arguments: [0, 1, 2]) func takesNoNegativePromptOrOneOrOneForEach(_ count: Int) throws {
        try request { $0.negativePrompts = .init(repeating: "", count: count) }.requireBatch()
    }

    @Test func refusesAnotherNumberOfNegativePrompts() {
        let request = request { $0.negativePrompts = ["", "", ""] }
        #expect(throws: RequestError.count("negative_prompt", found: 3, expected: [1, 2])) {
            try request.requireBatch()
        }
    }

    @Test(arguments: [0, -1, 513, .max, .min]) func refusesAbsurdBatches(_ count: Int) {
        let request = request { $0.numImagesPerPrompt = count }
        #expect(field { try request.requireBatch() } == "num_images_per_prompt")
    }

    @Test(arguments: [0, -1, 15, 16385, .max, .min]) func refusesSizesThatGiveNoPicture(_ size: Int) {
        #expect(field { try request { $0.height = size }.requireSize(atLeast: 16) } == "height")
        #expect(field { try request { $0.width = size }.requireSize(atLeast: 16) } == "width")
    }

    @Test(arguments: [16, 17, 1023, 16384]) func takesEverySizeInBetween(_ size: Int) throws {
        try request { ($0.height, $0.width) = (size, nil) }.requireSize(atLeast: 16)
    }

    @Test(arguments: [1 << 12, 12 << 24, .max]) func refusesWhatFitsIntoNoMachine(_ bytesOfPixel: Int) {
        let request = request {
            $0.numImagesPerPrompt = 512
            ($0.height, $0.width) = (16384, 16384)
        }
        #expect {
            try request.requireMemory(bytesOfPixel: bytesOfPixel)
        } throws: {
            "\($0)".hasPrefix("height, width and the number of pictures need about ")
        }
    }

    @Test(arguments: [0, -1, 1001, .max, .min]) func refusesAbsurdNumbersOfSteps(_ steps: Int) {
        #expect(field { try request { $0.numInferenceSteps = steps }.requireSteps() } == "num_inference_steps")
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, -0.1, 1001])
    func refusesGuidanceThatArithmeticDoesNotSurvive(_ scale: Double) {
        #expect(field { try request { $0.guidanceScale = scale }.requireFiniteGuidance() } == "guidance_scale")
    }

    @Test(arguments: [0, -1, 513]) func refusesAbsurdLengths(_ length: Int) {
        let request = request { $0.maxSequenceLength = length }
        #expect(field { try request.requireSequenceLength(atMost: 512) } == "max_sequence_length")
    }

    @Test func refusesFramesOfAPicture() {
        #expect(field { try request { $0.numFrames = 5 }.requireNoFrames(model: "M") } == "num_frames")
        #expect(field { try request { $0.frameRate = 5 }.requireNoFrames(model: "M") } == "frame_rate")
    }

    @Test func refusesAParameterThatTheModelHasNot() {
        let request = request { $0.extra["zeta"] = .number(1) }
        let specs = [ParameterSpec("alpha", .texts, ""), ParameterSpec("beta", .texts, "")]
        let error = RequestError.notForModel("zeta", model: "M", known: ["alpha", "beta"])
        #expect(throws: error) { try request.requireParameters(specs, model: "M") }
        #expect("\(error)" == "M has no parameter zeta; it has alpha, beta")
    }

    /// The field that an error names.
    private func field(_ body: () throws -> Void) -> String? {
        do { try body() } catch RequestError.value(let field, _, _) { return field } catch RequestError.notForModel(
            let field, _, _)
        {
            return field
        } catch { return "\(error)" }
        return nil
    }
}

@Suite struct ParameterSpecTests {
    private static let number = ParameterSpec("scale", .number(0...10), "")
    private static let texts = ParameterSpec("prompt_2", .texts, "")
    private static let numbers = ParameterSpec("sigmas", .numbers(0...1), "")

    @Test func takesWhatItsKindAllows() throws {
        for value in [0, 10, 3.5] { try Self.number.check(.number(value)) }
        try Self.texts.check(.text(""))
        try Self.texts.check(.list([.text("a"), .text("b")]))
        try Self.numbers.check(.list([.number(1), .number(0.5)]))
    }

    @Test(arguments: [
        ParameterValue.number(-1), .number(11), .number(.nan), .number(.infinity), .text("3"), .bool(true), .null,
        .list([.number(3)]),
    ])
    func refusesOtherValuesForANumber(_ value: ParameterValue) { expectRefusal(Self.number, value) }

    @Test(arguments: [
        ParameterValue.number(1), .bool(false), .null, .list([]), .list([.text("a"), .number(1)]), .list([.null]),
    ])
    func refusesOtherValuesForTexts(_ value: ParameterValue) { expectRefusal(Self.texts, value) }

    @Test(arguments: [
        ParameterValue.number(1), .text("1, 0.5"), .list([]), .list([.number(1), .text("0.5")]),
        .list([.number(2)]), .list([.number(.nan)]), .list([.list([.number(1)])]), .null,
    ])
    func refusesOtherValuesForNumbers(_ value: ParameterValue) { expectRefusal(Self.numbers, value) }

    private func expectRefusal(_ spec: ParameterSpec, _ value: ParameterValue) {
        let error = #expect(throws: RequestError.self) { try spec.check(value) }
        let sentence = error.map { "\($0)" } ?? ""
        #expect(sentence.hasPrefix("\(spec.name) is \(value); it must be "))
        #expect(!sentence.contains("\n"))
    }

    @Test func readsAValueAsItems() {
        #expect(ParameterValue.text("a").items == [.text("a")])
        #expect(ParameterValue.list([.number(1), .null]).items == [.number(1), .null])
        #expect(ParameterValue.number(2).number == 2)
        #expect(ParameterValue.text("2").number == nil)
    }
}
