import Diffusion
import Engine
import Files
import Media
import Models
import TestKit
import Testing

/// A checker of the operator's: what it is asked, and that nothing goes on without its yes.
@Suite struct GuardrailTests {
    private func settings(_ checker: FakeChecker, frames: Int = 8, timeout: Double = 60) -> GuardrailSettings {
        var settings = GuardrailSettings(url: checker.url)
        (settings.frames, settings.timeout) = (frames, timeout)
        return settings
    }

    private func request(_ prompts: String...) -> GenerationRequest {
        var request = GenerationRequest(prompts: prompts)
        (request.height, request.width) = (16, 24)
        return request
    }

    /// Frames of a video, or an image, of one grey level each: its own number.
    private func part(_ frames: Int?, count: Int = 1, from first: Int = 0, _ length: Int? = nil) -> OutputPart {
        let shape = PixelShape(count: count, frames: frames, height: 16, width: 24)
        let length = length ?? frames ?? 1
        let bytes = (0..<count).flatMap { item in
            (first..<first + length).flatMap { frame in
                [UInt8](repeating: UInt8(10 * frame + item), count: shape.frameBytes)
            }
        }
        return .pixels(PixelPart(shape, frames: first, count: length, bytes: bytes))
    }

    private func grey(_ file: [UInt8]) throws -> Int {
        let image = try Image(decoding: file)
        #expect((image.width, image.height) == (24, 16))
        return Int(image.pixels[0])
    }

    private func error(_ body: () async throws -> Void) async -> GuardrailError? {
        do { try await body() } catch { return error as? GuardrailError }
        return nil
    }

    // What becomes of a request.

    @Test func aRequestSaysWhetherItIsChecked() async throws {
        var asked = request("a fox")
        asked.previews = 3
        let none = Guardrail(isParameter: true)
        #expect(try none.settled(asked) == asked)
        #expect(!none.applies(to: asked) && none.notes(on: asked, settled: asked).isEmpty)

        let checked = Guardrail(GuardrailSettings(url: "http://localhost"), isParameter: true)
        let settled = try checked.settled(asked)
        #expect(settled.extra == ["use_guardrails": .bool(true)] && settled.previews == 0)
        #expect(
            checked.applies(to: settled)
                && checked.notes(on: asked, settled: settled).map(\.field) == ["partial_images"])
        // A family that has no such parameter is checked all the same.
        let other = Guardrail(GuardrailSettings(url: "http://localhost"))
        #expect(try other.settled(asked).extra.isEmpty)
        #expect(try other.applies(to: other.settled(asked)))

        asked.extra["use_guardrails"] = .bool(false)
        #expect(try none.settled(asked) == asked)
        let refused = try #require(throws: InvalidRequest.self) { try checked.settled(asked) }
        #expect(
            "\(refused)"
                == "use_guardrails is false; it must be true: every request is checked, as guardrail_config.optional is false"
        )
        var optional = GuardrailSettings(url: "http://localhost")
        optional.isOptional = true
        let free = Guardrail(optional, isParameter: true)
        #expect(try free.settled(asked) == asked)
        #expect(!free.applies(to: asked) && free.notes(on: asked, settled: asked).isEmpty)
    }

    /// Under both of its names; the family itself knows nothing of a checker.
    @Test(arguments: ["use_guardrails", "enable_safety_check"])
    func whoAsksForACheckerThatThereIsNotIsRefused(_ name: String) throws {
        let model = try Catalog.model(at: TinyCheckpoint.path(of: "cosmos3-tiny"))
        #expect(type(of: model).hasGuardrail)
        var asked = GenerationRequest(prompts: ["a fox"])
        asked.extra[name] = .bool(true)
        let refused = try #require(throws: InvalidRequest.self) {
            try Admission(model, PipelineOptions()).admit(asked)
        }
        #expect("\(refused)" == "use_guardrails is true; it must be false: no checker is configured (guardrail_config)")
        let admission = try Admission(
            model, PipelineOptions(), checker: GuardrailSettings(url: "http://localhost"))
        #expect(try admission.admit(asked).request.extra["use_guardrails"] == .bool(true))
        asked.extra = [:]
        #expect(try admission.admit(asked).request.extra["use_guardrails"] == .bool(true))
        #expect(try Admission(model, PipelineOptions()).admit(asked).request.extra["use_guardrails"] == nil)
    }

    @Test func itIsAChoiceOnlyWhereARequestMayGoUnchecked() throws {
        let model = try Catalog.model(at: TinyCheckpoint.path(of: "cosmos3-tiny"))
        let specs = type(of: model).parameters
        let names = ["use_guardrails", "enable_safety_check"]
        var settings = GuardrailSettings(url: "http://localhost")
        for guardrail in [Guardrail(), Guardrail(settings)] {
            #expect(guardrail.choices(of: specs).map(\.name) == specs.map(\.name).filter { !names.contains($0) })
        }
        settings.isOptional = true
        let choices = Guardrail(settings).choices(of: specs)
        #expect(choices.first { $0.name == "use_guardrails" }?.defaultValue == .bool(true))
        #expect(!choices.contains { $0.name == "enable_safety_check" })
    }

    // What is asked.

    @Test func asksForEachPromptWithAllThatSteersIt() async throws {
        let checker = try await FakeChecker()
        var asked = request("a fox", "an owl")
        asked.negativePrompts = ["fog", "rain"]
        asked.extra = ["prompt_2": .text("a wolf")]
        let image = PixelBatch(count: 1, height: 16, width: 24, bytes: .init(repeating: 90, count: 16 * 24 * 3))
        asked.images = [RequestImage(name: "first.png", pixels: image)]
        asked.lastImage = RequestImage(name: "last.png", pixels: image)
        try await Guardrail(settings(checker)).checkPrompts(of: asked)
        let questions = checker.questions
        #expect(questions.map(\.stage) == ["prompt", "prompt"])
        #expect(questions.map(\.prompt) == ["a fox", "an owl"])
        #expect(questions.map(\.negativePrompt) == ["fog", "rain"])
        for question in questions {
            #expect(question.extraParams == #"{"prompt_2":"a wolf"}"#)
            #expect(question.images.map(\.role) == ["image", "last_image"])
            for image in question.images { #expect(abs(try grey(image.bytes) - 90) <= 1) }
            #expect(question.frames.isEmpty && question.frameCount == nil)
        }
        asked.negativePrompts = ["snow"]
        try await Guardrail(settings(checker)).checkPrompts(of: asked)
        #expect(checker.questions.dropFirst(2).map(\.negativePrompt) == ["snow", "snow"])
    }

    @Test(arguments: [
        (20, 8, [0, 2, 5, 8, 10, 13, 16, 19]), (20, 2, [0, 19]), (20, 1, [10]), (5, 8, [0, 1, 2, 3, 4]), (1, 8, [0]),
    ])
    func showsFramesOfTheWholeVideo(_ count: Int, _ limit: Int, _ places: [Int]) async throws {
        let checker = try await FakeChecker()
        let guardrail = Guardrail(settings(checker, frames: limit))
        var asked = request("a fox", "an owl")
        asked.negativePrompts = ["fog"]
        let sample = try #require(guardrail.sample(of: asked))
        // An attempt that was cut short is forgotten.
        try sample.add(part(count, count: 2, 1))
        for first in stride(from: 0, to: count, by: 3) {
            try sample.add(part(count, count: 2, from: first, min(3, count - first)))
        }
        try await guardrail.check(sample, of: asked)
        #expect(checker.questions.map(\.stage) == ["output", "output"])
        #expect(checker.questions.map(\.prompt) == ["a fox", "an owl"])
        for (item, question) in checker.questions.enumerated() {
            #expect(question.frames.map(\.index) == places && question.frameCount == count)
            #expect(question.negativePrompt == "fog")
            for (index, file) in question.frames { #expect(abs(try grey(file) - (10 * index + item)) <= 1) }
        }
    }

    @Test func showsEveryImageOfEveryPrompt() async throws {
        let checker = try await FakeChecker()
        let guardrail = Guardrail(settings(checker))
        var asked = request("a fox", "an owl")
        asked.numImagesPerPrompt = 2
        let sample = try #require(guardrail.sample(of: asked))
        try sample.add(part(nil, count: 4))
        try await guardrail.check(sample, of: asked)
        #expect(checker.questions.map(\.prompt) == ["a fox", "a fox", "an owl", "an owl"])
        #expect(try checker.questions.map { try grey($0.frames[0].bytes) } == [0, 1, 2, 3])
        #expect(checker.questions.allSatisfy { $0.frameCount == 1 })
    }

    /// What is not whole is not shown, and so not allowed.
    @Test func missingFramesAreNotAllowed() async throws {
        let checker = try await FakeChecker()
        let guardrail = Guardrail(settings(checker))
        let sample = try #require(guardrail.sample(of: request("a fox")))
        await #expect(throws: EngineError.noPixels) { try await guardrail.check(sample, of: request("a fox")) }
        try sample.add(part(20, 5))
        await #expect(throws: EngineError.noPixels) { try await guardrail.check(sample, of: request("a fox")) }
        #expect(checker.questions.isEmpty)
    }

    // What is answered.

    @Test func aNoEndsTheRequestWithItsReason() async throws {
        let checker = try await FakeChecker(prompt: .blockPrompt("an owl"), output: .block(reason: "too\\u001b grey"))
        let guardrail = Guardrail(settings(checker))
        try await guardrail.checkPrompts(of: request("a fox"))
        let prompt = await error { try await guardrail.checkPrompts(of: request("a fox", "an owl", "a wolf")) }
        #expect(prompt == .blocked(.prompt, reason: ""))
        #expect(prompt?.blame == .blocked && prompt.map { "\($0)" } == "the guardrail does not allow the prompt")
        #expect(checker.questions.map(\.prompt) == ["a fox", "a fox", "an owl"])
        let sample = try #require(guardrail.sample(of: request("a fox")))
        try sample.add(part(nil))
        let output = await error { try await guardrail.check(sample, of: request("a fox")) }
        #expect(output.map { "\($0)" } == "the guardrail does not allow what was made: too\\u{1B} grey")
    }

    @Test(arguments: [
        (200, "", "answered with what is no JSON"), (200, "yes", "answered with what is no JSON"),
        (200, "[true]", "answered with no object"), (200, "{}", "did not answer with allowed"),
        (200, #"{"allowed": "true"}"#, "did not answer with allowed"),
        (200, #"{"allowed": 1}"#, "did not answer with allowed"),
        (200, #"{"allowed": null}"#, "did not answer with allowed"),
        (200, #"{"allowed": false, "allowed": true}"#, "did not answer with allowed"),
        (200, #"{"allowed": true} {"allowed": true}"#, "answered with what is no JSON"),
        (200, #"{"allowed": true, "reason": 5}"#, "answered with a reason that is no text"),
        (200, #"{"allowed": true, "reason": "\#(String(repeating: "a", count: 70_000))"}"#, "answered with more than"),
        (500, #"{"allowed": true}"#, "answered with status 500"),
        (302, #"{"allowed": true}"#, "answered with status 302"),
        (204, "", "answered with status 204"),
    ])
    func whatIsNoYesIsNone(_ status: Int, _ text: String, _ words: String) async throws {
        let checker = try await FakeChecker(prompt: .text(status, text))
        let guardrail = Guardrail(settings(checker))
        let fault = await error { try await guardrail.checkPrompts(of: request("a fox")) }
        guard case .nonsense(checker.origin, let found)? = fault else {
            Issue.record("\(String(describing: fault))")
            return
        }
        #expect(found.hasPrefix(words))
        #expect(fault?.blame == .unavailable && fault.map { "\($0)".contains("secret") } == false)
    }

    @Test func whoCannotBeAskedAllowsNothing() async throws {
        // Nobody listens at the first port.
        let guardrail = Guardrail(GuardrailSettings(url: "http://127.0.0.1:1/check?token=secret"))
        let fault = await error { try await guardrail.checkPrompts(of: request("a fox")) }
        #expect(
            fault.map { "\($0)" } == "the connection to the guardrail at http://127.0.0.1:1 failed: it was refused")
        #expect(fault?.blame == .unavailable)
    }

    @Test func whoNeverAnswersAllowsNothing() async throws {
        let checker = try await FakeChecker(prompt: .silence)
        let guardrail = Guardrail(settings(checker, timeout: 0.05))
        let fault = await error { try await guardrail.checkPrompts(of: request("a fox")) }
        #expect(fault == .late(checker: checker.origin, seconds: 0.05))
        #expect(fault.map { "\($0)" } == "the guardrail at \(checker.origin) did not answer within 0.05 s")
    }

    @Test func aRequestThatIsCalledOffAsksNoMore() async throws {
        let checker = try await FakeChecker(prompt: .silence)
        let guardrail = Guardrail(settings(checker, timeout: 3600))
        let asking = Task { try await guardrail.checkPrompts(of: request("a fox")) }
        while checker.questions.isEmpty { try await Task.sleep(for: .milliseconds(2)) }
        asking.cancel()
        await #expect(throws: CancellationError.self) { try await asking.value }
    }

    @Test(arguments: [
        ("http://localhost:9000", true), ("https://checker.example/v1?key=a", true), ("http://[::1]:9000/", true),
        ("localhost:9000", false), ("ftp://a", false), ("http://", false), ("http://user:word@a/", false),
        ("http://a/#b", false), ("", false), ("http://a b/", false),
    ])
    func anAddressIsOneOfHTTP(_ text: String, _ isAddress: Bool) {
        #expect(GuardrailSettings.isAddress(text) == isAddress)
    }
}
