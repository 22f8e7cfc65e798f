import Diffusion
import Foundation
import Layers
import Testing

/// What travels between processes arrives as it was sent.
@Suite struct CodingTests {
    private func sent<Value: Codable>(_ value: Value) throws -> Value {
        try JSONDecoder().decode(Value.self, from: JSONEncoder().encode(value))
    }

    private func json(_ value: some Encodable) throws -> String {
        String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
    }

    @Test(arguments: [
        (ParameterValue.null, "null"), (.bool(true), "true"), (.bool(false), "false"), (.number(3), "3"),
        (.number(0), "0"), (.number(1), "1"), (.number(-0.5), "-0.5"), (.text(""), "\"\""), (.text("1"), "\"1\""),
        (.text("true"), "\"true\""), (.list([]), "[]"), (.list([.number(1), .null, .bool(true)]), "[1,null,true]"),
        (.list([.list([.text("a")])]), "[[\"a\"]]"),
    ])
    func writesAParameterAsThePlainValue(_ value: ParameterValue, _ text: String) throws {
        #expect(try json(value) == text)
        #expect(try JSONDecoder().decode(ParameterValue.self, from: Data(text.utf8)) == value)
    }

    @Test func refusesAParameterThatIsAnObjectOrNoNumber() {
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(ParameterValue.self, from: Data(#"{"a": 1}"#.utf8))
        }
        #expect(throws: (any Error).self) { try json(ParameterValue.number(.nan)) }
    }

    @Test func keepsARequestWhole() throws {
        var request = GenerationRequest(prompts: ["a", "ü \u{0} \"\\ 🙂"])
        (request.negativePrompts, request.height, request.numFrames) = ([""], 48, 5)
        (request.guidanceScale, request.frameRate, request.numImagesPerPrompt) = (0.1, 23.976, 2)
        request.seeds = [0, .max, .max - 1, 1 << 53 + 1]
        request.extra = ["sigmas": .list([.number(1), .number(0.1)]), "prompt_2": .text("b")]
        #expect(try sent(request) == request)
        #expect(try sent(GenerationRequest(prompts: [])) == GenerationRequest(prompts: []))
    }

    @Test func keepsSpecsProgressTimesAndProblemsWhole() throws {
        for spec in [
            ParameterSpec("a", .number(0...1000), default: .number(1), "help"), ParameterSpec("b", .texts, ""),
            ParameterSpec("c", .numbers(0...1), default: .list([.number(1)]), ""),
        ] {
            #expect(try sent(spec) == spec)
        }
        for progress in [Diffusion.Progress.loading("vae"), .encodingText, .denoising(step: 3, of: 20), .decoding] {
            #expect(try sent(progress) == progress)
        }
        var times = StageTimes()
        (times.load, times.text, times.denoise, times.decode) = (0.1, 1e-9, [0.3, 2], 3)
        times.kernels.attention = ["tiled": 3]
        #expect(try sent(times) == times)
        let error = InvalidRequest([
            .value("height", found: "0", expected: "more"), .missing("prompt"), .memory(needed: 2, available: 1),
            .notForModel("a", model: "M", known: ["b"], nearest: nil), .count("seed", found: 3, expected: [1, 2]),
        ])
        #expect(try sent(error) == error)
    }

    @Test func fillsInWhatARequestDoesNotSay() {
        var defaults = GenerationRequest(prompts: [])
        (defaults.height, defaults.width, defaults.guidanceScale) = (8, 16, 3.5)
        defaults.extra = ["a": .number(1), "b": .number(2)]
        var request = GenerationRequest(prompts: ["p"])
        (request.width, request.seeds, request.extra) = (32, [1], ["b": .null, "c": .bool(true)])
        let filled = request.filled(from: defaults)
        #expect((filled.height, filled.width, filled.guidanceScale) == (8, 32, 3.5))
        #expect(filled.numFrames == nil)
        #expect(filled.prompts == ["p"])
        #expect(filled.seeds == [1])
        #expect(filled.extra == ["a": .number(1), "b": .null, "c": .bool(true)])
    }
}
