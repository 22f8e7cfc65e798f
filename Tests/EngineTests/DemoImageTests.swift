import Diffusion
import Engine
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

/// The built-in model draws what sentences say that its training never saw.
@Suite(.serialized) struct DemoImageTests {
    private struct Entry: Decodable {
        let prompt: String
        let scene: Scene
    }

    private static let folder = "\(Golden.folder)/../../Sources/DemoModels/Resources/demo-image"

    /// Images of all prompts at once, each from a seed of its own.
    private static func draw(_ entries: [Entry]) async throws -> PixelBatch {
        let model = try Flux1(CheckpointFolder(folder))
        let worker = LocalWorker(device: .cpu)
        try await worker.load(model, PipelineOptions())
        var request = GenerationRequest(prompts: entries.map(\.prompt))
        request.seeds = entries.indices.map(UInt64.init)
        (request.height, request.width, request.numInferenceSteps) = (128, 128, 20)
        request.maxSequenceLength = 64
        return try await worker.generate(model.resolve(request)).pixels
    }

    @Test func drawsWhatUnseenPromptsSay() async throws {
        let file = URL(fileURLWithPath: "\(Golden.folder)/demo/prompts.json")
        let entries = try JSONDecoder().decode([Entry].self, from: Data(contentsOf: file))
        let pixels = try await Self.draw(entries)
        var wrong: [String] = []
        for (index, entry) in entries.enumerated() {
            let faults = SceneChecker(pixels, index).faults(entry.scene)
            if !faults.isEmpty { wrong.append("\(entry.prompt): \(faults)") }
        }
        #expect(wrong.count * 10 <= entries.count, "\(wrong)")
        // The checker itself must refuse the same images for other prompts.
        let mistaken = entries.indices.count {
            SceneChecker(pixels, $0).faults(entries[($0 + 1) % entries.count].scene).isEmpty
        }
        #expect(mistaken == 0)
    }
}
