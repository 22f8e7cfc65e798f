import Diffusion
import Foundation
import Layers
import Models
import TestKit
import Testing

@Suite struct Cosmos3PromptTests {
    private struct Cases: Decodable { let prompts: [Case] }
    private struct Case: Decodable {
        let prompt: String
        let negativePrompt: String?
        let numFrames, height, width: Int
        let fps: Double
        let useSystemPrompt: Bool?
        let addResolutionTemplate, addDurationTemplate: Bool
        let ids: [[Int32]]
    }

    @Test func writesPromptsAsTheReferenceDoes() throws {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let path = "\(Golden.folder)/cosmos3/prompts.json"
        let cases = try decoder.decode(Cases.self, from: Data(contentsOf: URL(fileURLWithPath: path))).prompts
        let model = try Cosmos3(CheckpointFolder(TinyCheckpoint.path(of: "cosmos3-tiny")))
        let reader = try Cosmos3.PromptReader(model)
        #expect(!cases.isEmpty)
        for given in cases {
            var request = GenerationRequest(prompts: [given.prompt])
            request.negativePrompts = [given.negativePrompt ?? ""]
            (request.height, request.width, request.numFrames) = (given.height, given.width, given.numFrames)
            (request.frameRate, request.maxSequenceLength) = (given.fps, 4096)
            request.extra["use_system_prompt"] = given.useSystemPrompt.map(ParameterValue.bool)
            request.extra["use_resolution_template"] = .bool(given.addResolutionTemplate)
            request.extra["use_duration_template"] = .bool(given.addDurationTemplate)
            let found = try reader.prompts(of: request, [.positive, .negative], nil)
            #expect(found[.positive]?.map(\.ids) == [given.ids[0]], "\(given.prompt)")
            #expect(found[.negative]?.map(\.ids) == [given.ids[1]], "\(given.prompt)")
        }
    }

    /// What the text tower made of a prompt is there for the next request with it, and for no other.
    @Test func keepsThePromptsOfTheLastRequest() throws {
        let model = try Cosmos3(CheckpointFolder(TinyCheckpoint.path(of: "cosmos3-tiny")))
        let reader = try Cosmos3.PromptReader(model)
        func prompt(_ text: String) throws -> Cosmos3.Prompt? {
            try reader.prompts(of: model.resolve(GenerationRequest(prompts: [text])), [.positive], nil)[.positive]?[0]
        }
        let first = try prompt("a lake")
        #expect(try prompt("a lake") === first)
        #expect(try prompt("a dog") !== first)
        #expect(try prompt("a lake") !== first)
    }

    @Test(arguments: ["wide", "tall", "odd", "smaller", "same", "twice", "line", "pixel", "much", "half"])
    func coversSizesWithImagesAsTheReferenceDoes(_ name: String) throws {
        let golden = try Golden("cosmos3/images")
        let (source, output) = (try golden.tensor("\(name).source"), try golden.tensor("\(name).output"))
        let image = PixelBatch(count: 1, height: source.shape[0], width: source.shape[1], bytes: source.bytes)
        let found = image.covering(height: output.shape[0], width: output.shape[1]).bytes
        #expect(zip(found, output.bytes).count { $0 != $1 } == 0)
        #expect(found.count == output.bytes.count)
    }
}
