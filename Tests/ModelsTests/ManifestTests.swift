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
                // A number alone has no shape.
                #expect((2...3).contains(fields.count))
                let shape = fields.count == 3 ? fields[2].split(separator: ",") : []
                return (String(fields[0]), try shape.map { try #require(Int($0)) })
            })
    }

    /// The components of each published checkpoint.
    nonisolated private static let models = [
        "cosmos3-nano": ["transformer", "sound_tokenizer", "vae"],
        "cosmos3-super": ["transformer", "sound_tokenizer", "vae"],
        "flux1-dev": ["text_encoder", "text_encoder_2", "transformer", "vae"],
        "flux1-schnell": ["text_encoder", "text_encoder_2", "transformer", "vae"],
        "flux2-dev": ["text_encoder", "transformer", "vae"],
        "flux2-klein-4b": ["text_encoder", "transformer", "vae"],
        "flux2-klein-9b": ["text_encoder", "transformer", "vae"],
        "flux2-klein-base-4b": ["text_encoder", "transformer", "vae"],
        "flux2-klein-base-9b": ["text_encoder", "transformer", "vae"],
        "qwen-image": ["text_encoder", "transformer", "vae"],
        "qwen-image-2512": ["text_encoder", "transformer", "vae"],
        "qwen-image-edit": ["text_encoder", "transformer", "vae"],
        "qwen-image-edit-2509": ["text_encoder", "transformer", "vae"],
        "qwen-image-edit-2511": ["text_encoder", "transformer", "vae"],
        "wan2.1-t2v-1.3b": ["text_encoder", "transformer", "vae"],
        "wan2.1-t2v-14b": ["text_encoder", "transformer", "vae"],
        "wan2.1-i2v-14b-480p": ["text_encoder", "image_encoder", "transformer", "vae"],
        "wan2.1-i2v-14b-720p": ["text_encoder", "image_encoder", "transformer", "vae"],
        "wan2.1-flf2v-14b-720p": ["text_encoder", "image_encoder", "transformer", "vae"],
        "wan2.2-t2v-a14b": ["text_encoder", "transformer", "transformer_2", "vae"],
        "wan2.2-i2v-a14b": ["text_encoder", "transformer", "transformer_2", "vae"],
        "wan2.2-ti2v-5b": ["text_encoder", "transformer", "vae"],
    ]

    @Test(arguments: models.keys.sorted())
    func asksForExactlyWhatThePublishedCheckpointHas(_ model: String) throws {
        let components = try Catalog.model(CheckpointFolder("\(Golden.folder)/manifests/\(model)")).components
        #expect(components.map(\.name) == Self.models[model])
        for component in components {
            let published = try published(component.place.path)
            let listing = try component.listing(of: nil)
            let asked = Dictionary(listing.entries.map { ($0.key, $0.shape) }) { $1 }
            #expect(asked.count == listing.entries.count, "\(component.name) reads a tensor twice")
            #expect(Set(asked.keys).subtracting(published.keys).sorted() == [], "\(component.name) misses tensors")
            let unread = listing.surplus(of: published.keys.sorted()).unknown
            #expect(unread == [], "\(component.name) leaves tensors unread")
            for (key, shape) in asked { #expect(published[key] ?? shape == shape, "\(component.name): \(key)") }
            #expect(component.skippedKeys.isEmpty, "\(component.name): \(component.skippedKeys)")
        }
    }

    @Test(arguments: [
        ("flux1-dev", 11_901_408_320), ("flux2-dev", 32_223_281_152), ("flux2-klein-4b", 3_875_544_576),
        ("wan2.1-t2v-1.3b", 1_418_996_800), ("wan2.1-t2v-14b", 14_288_491_584),
        ("wan2.2-ti2v-5b", 4_999_787_712),
    ])
    func countsTheParametersThatArePublished(_ model: String, _ expected: Int) throws {
        let components = try Catalog.model(CheckpointFolder("\(Golden.folder)/manifests/\(model)")).components
        let transformer = try #require(components.first { $0.name == "transformer" })
        let count = try transformer.listing(of: nil).entries.map { $0.shape.reduce(1, *) }.reduce(0, +)
        #expect(count == expected)
    }
}
