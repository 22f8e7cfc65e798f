import Diffusion
import Testing

@Suite struct RequestCheckTests {
    private func request(_ change: (inout GenerationRequest) -> Void) -> GenerationRequest {
        var request = GenerationRequest(prompts: ["a", "b"])
        change(&request)
        return request
    }

    private func problems(
        of request: GenerationRequest, _ check: (inout RequestChecks) -> Void
    ) -> [RequestError] {
        var checks = RequestChecks(request, model: "M")
        check(&checks)
        return checks.problems
    }

    /// The fields that a check finds fault with.
    private func fields(_ request: GenerationRequest, _ check: (inout RequestChecks) -> Void) -> [String] {
        problems(of: request, check).map { problem in
            switch problem {
            case .value(let field, _, _), .notForModel(let field, _, _, _), .count(let field, _, _),
                .missing(let field):
                field
            case .memory: "memory"
            }
        }
    }

    @Test(arguments: [0, 1, 2, 6]) func takesOneSeedOrOneForEachPromptOrImage(_ seeds: Int) {
        let request = request {
            $0.numImagesPerPrompt = 3
            $0.seeds = (0..<seeds).map(UInt64.init)
        }
        #expect(problems(of: request) { $0.batch() }.isEmpty)
    }

    @Test(arguments: [3, 4, 5, 7]) func refusesAnotherNumberOfSeeds(_ seeds: Int) {
        let request = request {
            $0.numImagesPerPrompt = 3
            $0.seeds = (0..<seeds).map(UInt64.init)
        }
        #expect(problems(of: request) { $0.batch() } == [.count("seed", found: seeds, expected: [1, 2, 6])])
    }

    /// A field that every family could have and this one has not is not a misspelt one.
    @Test func doesNotSuggestTheFieldItself() {
        let request = request { $0.extra["last_image"] = .text("a.png") }
        let expected = RequestError.notForModel("last_image", model: "M", known: [], nearest: nil)
        #expect(problems(of: request) { $0.parameters([]) } == [expected])
    }

    @Test func needsAPrompt() {
        let request = GenerationRequest(prompts: [])
        #expect(problems(of: request) { $0.batch() } == [.missing("prompt")])
    }

    @Test(arguments: [0, 1, 2]) func takesNoNegativePromptOrOneOrOneForEach(_ count: Int) {
        let request = request { $0.negativePrompts = .init(repeating: "", count: count) }
        #expect(problems(of: request) { $0.batch() }.isEmpty)
    }

    @Test func refusesAnotherNumberOfNegativePrompts() {
        let request = request { $0.negativePrompts = ["", "", ""] }
        #expect(problems(of: request) { $0.batch() } == [.count("negative_prompt", found: 3, expected: [1, 2])])
    }

    @Test(arguments: [0, -1, 513, .max, .min]) func refusesAbsurdBatches(_ count: Int) {
        #expect(fields(request { $0.numImagesPerPrompt = count }) { $0.batch() } == ["num_images_per_prompt"])
    }

    @Test(arguments: [0, -1, 15, 16385, .max, .min]) func refusesSizesThatGiveNoImage(_ size: Int) {
        #expect(fields(request { $0.height = size }) { $0.size(atLeast: 16) } == ["height"])
        #expect(fields(request { $0.width = size }) { $0.size(atLeast: 16) } == ["width"])
    }

    @Test(arguments: [16, 17, 1023, 16384]) func takesEverySizeInBetween(_ size: Int) {
        #expect(fields(request { ($0.height, $0.width) = (size, nil) }) { $0.size(atLeast: 16) }.isEmpty)
    }

    @Test(arguments: [0, -1, 1001, .max, .min]) func refusesAbsurdNumbersOfSteps(_ steps: Int) {
        #expect(fields(request { $0.numInferenceSteps = steps }) { $0.steps() } == ["num_inference_steps"])
    }

    @Test(arguments: [Double.nan, .infinity, -.infinity, -0.1, 1001])
    func refusesGuidanceThatArithmeticDoesNotSurvive(_ scale: Double) {
        #expect(fields(request { $0.guidanceScale = scale }) { $0.finiteGuidance() } == ["guidance_scale"])
    }

    @Test(arguments: [0, -1, 513]) func refusesAbsurdLengths(_ length: Int) {
        let found = fields(request { $0.maxSequenceLength = length }) { $0.sequenceLength(atMost: 512) }
        #expect(found == ["max_sequence_length"])
    }

    @Test func refusesFramesOfAnImage() {
        let found = fields(request { ($0.numFrames, $0.frameRate) = (5, 5) }) { $0.noFrames() }
        #expect(found == ["num_frames", "frame_rate"])
    }

    private static let specs = [ParameterSpec("alpha", .texts, ""), ParameterSpec("beta_scale", .texts, "")]

    @Test func refusesAParameterThatTheModelHasNot() throws {
        let request = request { $0.extra["zeta"] = .number(1) }
        let error = RequestError.notForModel("zeta", model: "M", known: ["alpha", "beta_scale"], nearest: nil)
        #expect(problems(of: request) { $0.parameters(Self.specs) } == [error])
        #expect("\(error)" == "M has no parameter zeta; it has alpha, beta_scale")
    }

    @Test(arguments: [
        ("alhpa", "alpha"), ("Alpha", "alpha"), ("betascale", "beta_scale"), ("beta_scal", "beta_scale"),
        ("hight", "height"), ("guidence_scale", "guidance_scale"), ("steps", "num_inference_steps"), ("a", nil),
        ("", nil),
    ])
    func tellsTheNameThatWasProbablyMeant(_ name: String, _ nearest: String?) throws {
        let problems = problems(of: request { $0.extra[name] = .text("") }) { $0.parameters(Self.specs) }
        let problem = try #require(problems.first)
        #expect(problem == .notForModel(name, model: "M", known: ["alpha", "beta_scale"], nearest: nearest))
        #expect("\(problem)".contains("did you mean \(nearest ?? "")?)") == (nearest != nil))
    }

    /// However many there are and however long: names are looked for near the first ones, and a message has an end.
    @Test func aMessageHasAnEnd() throws {
        let request = request { request in
            for number in 0..<5000 { request.extra["alpha_\(number)"] = .text("") }
        }
        let problems = problems(of: request) { $0.parameters(Self.specs) }
        #expect(problems.count == 5000)
        #expect(problems.count { "\($0)".contains("did you mean") } == 8)
        let message = "\(InvalidRequest(problems))"
        #expect(message.utf8.count <= 2048 && message.hasSuffix(" more"), "\(message)")
        let long = String(repeating: "alpha", count: 100_000)
        #expect(long.nearest(of: ["alpha"]) == nil)
        #expect("\(RequestError.notForModel(long, model: "M", known: [], nearest: nil))".utf8.count < 200)
        let value = Self.specs[0].problem(with: .list([.number(1), .text(long)]))
        #expect("\(try #require(value))".utf8.count < 400)
    }

    @Test func keepsEveryProblemInOneError() throws {
        let request = request {
            ($0.height, $0.width, $0.numInferenceSteps, $0.numFrames) = (0, 1 << 20, 0, 5)
            $0.extra = ["alpha": .number(1), "zeta": .null]
            $0.seeds = [1, 2, 3]
        }
        var checks = RequestChecks(request, model: "M")
        checks.batch()
        checks.size(atLeast: 16)
        checks.steps()
        checks.noFrames()
        checks.parameters(Self.specs)
        let error = try #require(throws: InvalidRequest.self) { try checks.finish() }
        #expect(error.problems.count == 7)
        #expect("\(error)".split(separator: "; ").filter { $0.hasPrefix("width is 1048576") }.count == 1)
        #expect(!"\(error)".contains("\n"))
    }

    @Test func endsWithoutErrorWhereNothingIsWrong() throws {
        var checks = RequestChecks(request { $0.seeds = [1] }, model: "M")
        checks.batch()
        try checks.finish()
    }
}

@Suite struct ParameterSpecTests {
    private static let number = ParameterSpec("scale", .number(0...10), "")
    private static let texts = ParameterSpec("prompt_2", .texts, "")
    private static let numbers = ParameterSpec("sigmas", .numbers(0...1), "")

    @Test func takesWhatItsKindAllows() {
        for value in [0, 10, 3.5] { #expect(Self.number.problem(with: .number(value)) == nil) }
        #expect(Self.texts.problem(with: .text("")) == nil)
        #expect(Self.texts.problem(with: .list([.text("a"), .text("b")])) == nil)
        #expect(Self.numbers.problem(with: .list([.number(1), .number(0.5)])) == nil)
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
        let sentence = spec.problem(with: value).map { "\($0)" } ?? ""
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
