import Diffusion
import Foundation
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct ManifestTests {
    /// Keys and shapes of a published component.
    private func published(_ folder: String) throws -> [String: [Int]] {
        let lines = try String(contentsOfFile: "\(folder)/keys.txt", encoding: .utf8).split(separator: "\n")
        return try Dictionary(
            uniqueKeysWithValues: lines.map { line in
                let fields = line.split(separator: " ")
                #expect(fields.count == 3)
                return (String(fields[0]), try fields[2].split(separator: ",").map { try #require(Int($0)) })
            })
    }

    @Test(arguments: ["flux1-dev", "flux1-schnell"])
    func asksForExactlyWhatThePublishedCheckpointHas(_ model: String) throws {
        let checkpoint = try CheckpointFolder("\(Golden.folder)/manifests/\(model)")
        let components = try Catalog.family(of: checkpoint).components(of: checkpoint)
        #expect(components.map(\.name) == ["text_encoder", "text_encoder_2", "transformer", "vae"])
        for component in components {
            let published = try published(component.folder)
            let listing = try component.listing(of: nil)
            let asked = Dictionary(listing.entries.map { ($0.key, $0.shape) }) { $1 }
            #expect(asked.count == listing.entries.count, "\(component.name) reads a tensor twice")
            #expect(Set(asked.keys).subtracting(published.keys).sorted() == [], "\(component.name) misses tensors")
            let unread = Set(published.keys).subtracting(asked.keys).subtracting(listing.disregarded)
            #expect(unread.sorted() == [], "\(component.name) leaves tensors unread")
            for (key, shape) in asked { #expect(published[key] ?? shape == shape, "\(component.name): \(key)") }
            #expect(component.skippedKeys.isEmpty, "\(component.name): \(component.skippedKeys)")
        }
    }

    /// The published transformers have 11.9 thousand million parameters.
    @Test func countsTheParametersThatArePublished() throws {
        let checkpoint = try CheckpointFolder("\(Golden.folder)/manifests/flux1-dev")
        let transformer = try #require(Flux1.components(of: checkpoint).first { $0.name == "transformer" })
        let count = try transformer.listing(of: nil).entries.map { $0.shape.reduce(1, *) }.reduce(0, +)
        #expect(count == 11_901_408_320)
    }
}
