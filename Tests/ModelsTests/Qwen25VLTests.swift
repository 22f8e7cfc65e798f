import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

@DeviceActor @Suite struct Qwen25VLTests {
    private let golden: Golden
    private let floors: Floors
    private let vision: Qwen25VLVisionConfig

    init() throws {
        (golden, floors) = (try Golden("qwen-image/components"), try Floors("qwen-image"))
        let path = "\(TinyCheckpoint.path(of: "qwen-image-tiny"))/text_encoder/config.json"
        let values = try #require(JSONFile.object(at: path)["vision_config"] as? [String: Any])
        vision = try Qwen25VLVisionConfig.read(values, allowingUnknown: false).0
    }

    private func model(_ plan: ComputePlan = ComputePlan()) throws -> Qwen25VLModel {
        try TinyModel("qwen-image-tiny").module("text_encoder", plan: plan) {
            try Qwen25VLModel($0, $1, vision: vision)
        }
    }

    /// Patches and grid of each image of the golden.
    private func images() throws -> [(patches: Tensor, grid: VisionGrid)] {
        let patches = try golden.tensor("vision.pixel_values").onDevice()
        var start = 0
        return try golden.tensor("vision.image_grid_thw").rows.map { row in
            let grid = VisionGrid(rows: Int(row[1]), columns: Int(row[2]), merge: 2)
            defer { start += grid.patches }
            return (try patches.slice(start..<start + grid.patches, axis: 0), grid)
        }
    }

    @Test func looksAtImagesAsTheReferenceLayerByLayer() throws {
        let tower = try #require(try model().vision)
        var stages = [[Tensor]](repeating: [], count: vision.depth + 2)
        for (patches, grid) in try images() {
            var stage = 0
            let seen = try tower(patches, grid) {
                stages[stage].append($0)
                stage += 1
            }
            stages[stage].append(seen)
        }
        let names = ["vision.patch_embed"] + (0..<vision.depth).map { "vision.blocks.\($0)" } + ["vision.output"]
        for (name, parts) in zip(names, stages) {
            let distance = try concatenate(parts, axis: 1).squeezed(0).distance(to: golden.tensor(name))
            #expect(distance <= floors.limit(name, of: "components"))
        }
    }

    /// The pipelines' version of transformers counts on in one dimension, the weights were trained with three.
    @Test(arguments: ["one", "three"]) func readsTextsWithImagesAsTheReference(_ dimensions: String) throws {
        let model = try model()
        let tower = try #require(model.vision)
        let ids = try golden.tensor("multimodal.input_ids").rows[0]
        let seen = try images().map { try tower($0.patches, $0.grid) }
        let placeholder = try #require(ids.first { id in ids.count { $0 == id } == 24 + 6 })
        let embedded = try model.embedded(ids, replacing: placeholder, by: seen)
        let axes = try golden.tensor("multimodal.position_ids").rows
        let positions = ids.indices.map { place in axes.map { Int($0[place]) } }
        let state = try model.language(
            embedded, positions: dimensions == "one" ? nil : positions, states: [model.language.depth])[0]
        let name = "multimodal.\(dimensions)_dimension\(dimensions == "one" ? "" : "s")"
        #expect(try state.distance(to: golden.tensor(name)) <= floors.limit(name, of: "components"))
    }

    /// Newer files have `model.` before the names.
    @Test func readsNewerSpellings() throws {
        let stored = try CheckpointWeights(folder: "\(TinyCheckpoint.path(of: "qwen-image-tiny"))/text_encoder").keys
        let newer = stored.map { key in
            key.hasPrefix("model.")
                ? "model.language_model.\(key.dropFirst(6))" : key.hasPrefix("visual.") ? "model.\(key)" : key
        }
        let listing = WeightListing(of: Set(newer))
        let config: Qwen25VLTextConfig = try TinyModel("qwen-image-tiny").config("text_encoder")
        _ = try Qwen25VLModel(Weights(listing), config, vision: vision)
        #expect(listing.surplus(of: newer).unknown == [])
        #expect(Set(listing.entries.map(\.key)) == Set(newer.filter { !$0.hasPrefix("lm_head") }))
        let tower = listing.entries.filter { $0.key.hasPrefix("model.visual.") }.map { $0.shape.reduce(1, *) }
        #expect(vision.parameterCount.count == tower.reduce(0, +))
    }

    @Test func forecastsMoreMemoryForMorePatches() throws {
        #expect(vision.activationBytes(patches: 160) >= vision.activationBytes(patches: 16) * 10)
    }

    @Test(arguments: [
        (#"{"num_heads": 3}"#, "has 3584 for hidden_size, which is no multiple of num_heads 3"),
        (#"{"window_size": 1}"#, "has 1 for window_size"), (#"{"patch_size": 0}"#, "has 0 for patch_size"),
        (#"{"rope_parameters": {"rope_type": "linear"}}"#, "asks for the positions linear in rope_parameters"),
        (#"{"deepstack": [1]}"#, "has a key unknown to this build: \"deepstack\""),
    ])
    func refusesAConfigThatItCannotHonour(_ text: String, _ reason: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "config.json")
        let error = #expect(throws: ConfigError.self) { try Qwen25VLVisionConfig.read(path) }
        #expect(error?.description.hasPrefix("\(path) \(reason)") == true)
    }
}
