import Diffusion
import Engine
import Foundation
import Models
import Tensors
import TestKit
import Testing

/// The built-in video model shows what sentences say that its training never saw.
@Suite(.serialized) struct DemoVideoTests {
    private struct Entry: Decodable {
        let prompt: String
        let scene: Scene
    }

    private static let folder = "\(Golden.folder)/../../Sources/DemoModels/Resources/demo-video"

    /// Clips of all prompts at once, each from a seed of its own, with the checkpoint's own choices.
    private static func draw(_ entries: [Entry]) async throws -> PixelBatch {
        let model = try Wan(CheckpointFolder(folder))
        let worker = LocalWorker(device: .cpu)
        try await worker.load(model, PipelineOptions())
        var request = GenerationRequest(prompts: entries.map(\.prompt))
        request.seeds = entries.indices.map(UInt64.init)
        return try await worker.generate(model.resolve(request)).pixels
    }

    @Test func showsWhatUnseenPromptsSay() async throws {
        let file = URL(fileURLWithPath: "\(Golden.folder)/demo/video-prompts.json")
        let entries = try JSONDecoder().decode([Entry].self, from: Data(contentsOf: file))
        let pixels = try await Self.draw(entries)
        #expect(pixels.shape == PixelShape(count: entries.count, frames: 17, height: 96, width: 96))
        // What was asked for: small defects of size, motion and edges are the score's business.
        let asked: Set = ["background", "object", "colour", "shape", "direction"]
        var wrong: [String] = []
        for (index, entry) in entries.enumerated() {
            let faults = asked.intersection(ClipChecker(pixels, index).faults(entry.scene))
            if !faults.isEmpty { wrong.append("\(entry.prompt): \(faults.sorted())") }
        }
        #expect(wrong.count * 100 <= 15 * entries.count, "\(wrong)")
        // The checker itself must refuse the same clips for other prompts.
        let mistaken = entries.indices.count {
            ClipChecker(pixels, $0).faults(entries[($0 + 1) % entries.count].scene).isEmpty
        }
        #expect(mistaken == 0)
    }
}
