import Diffusion
import Foundation
import Layers
import TestKit
import Testing

@Suite struct CheckpointFolderTests {
    @Test(arguments: TinyCheckpoint.models) func readsTheIndex(_ model: String) throws {
        let checkpoint = try CheckpointFolder(TinyCheckpoint.path(of: model))
        #expect(checkpoint.pipelineClass == "FluxPipeline")
        #expect(checkpoint.components["vae"] == .some("AutoencoderKL"))
        #expect(checkpoint.components.count == 7)
        #expect(checkpoint.defaults.height == nil)
        #expect(checkpoint.defaults.numInferenceSteps == nil)
        #expect(try checkpoint.folder("vae", classes: ["AutoencoderKL"]) == "\(checkpoint.path)/vae")
    }

    @Test func readsTheDefaultsOfTheCheckpoint() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("model_index.json") {
            $0["_visualgen_defaults"] = ["height": 128, "num_inference_steps": 20, "frame_rate": 8, "width": NSNull()]
        }
        let defaults = try CheckpointFolder(copy.path).defaults
        #expect(defaults.height == 128)
        #expect(defaults.width == nil)
        #expect(defaults.numInferenceSteps == 20)
        #expect(defaults.frameRate == 8)
    }

    @Test(arguments: [
        #""height": 4611686018427387904"#, #""width": 0"#, #""width": "wide""#, #""height": 64.5"#, #""height": true"#,
        #""num_frames": -1"#, #""num_inference_steps": 1001"#, #""frame_rate": 1e300"#, #""frame_rate": 0"#,
        #""guidance_scale": -0.5"#, #""guidance_scale": 1e12"#, #""negative_prompt": 3"#, #""heigth": 64"#,
    ])
    func refusesDefaultsThatNoRequestMayHave(_ entry: String) throws {
        let copy = try TinyCheckpoint()
        try copy.replace("model_index.json", with: #"{"_class_name": "X", "_visualgen_defaults": {\#(entry)}}"#)
        let error = try #require(throws: ConfigError.self) { try CheckpointFolder(copy.path) }
        let key = try #require(entry.split(separator: "\"").first)
        for name in ["model_index.json", "_visualgen_defaults.\(key)"] { #expect("\(error)".contains(name)) }
    }

    @Test func refusesDefaultsThatAreNoObject() throws {
        let copy = try TinyCheckpoint()
        try copy.editJSON("model_index.json") { $0["_visualgen_defaults"] = [1] }
        #expect(throws: ConfigError.self) { try CheckpointFolder(copy.path) }
        try copy.editJSON("model_index.json") { $0["_visualgen_defaults"] = NSNull() }
        #expect(try CheckpointFolder(copy.path).defaults == .init())
    }

    @Test func tellsWhyAFolderIsNoCheckpoint() throws {
        let folder = try TemporaryFolder()
        #expect(throws: CheckpointError.notFound(folder.file("none"))) { try CheckpointFolder(folder.file("none")) }
        #expect(throws: CheckpointError.noIndex(folder.path, found: [])) { try CheckpointFolder(folder.path) }
        let file = try folder.write("text", to: "notes.txt")
        #expect(throws: CheckpointError.notFolder(file)) { try CheckpointFolder(file) }
        #expect(throws: CheckpointError.noIndex(folder.path, found: ["notes.txt"])) {
            try CheckpointFolder(folder.path)
        }
    }

    @Test(arguments: ["{}", #"{"_class_name": 3}"#, #"{"_class_name": null}"#])
    func needsTheClassOfThePipeline(_ index: String) throws {
        let copy = try TinyCheckpoint()
        try copy.replace("model_index.json", with: index)
        let error = try #require(throws: ConfigError.self) { try CheckpointFolder(copy.path) }
        #expect(error.fault == .value("_class_name", found: "no text"))
    }

    @Test(arguments: ["", "[]", "{", "null"]) func needsAnIndexThatIsAnObject(_ index: String) throws {
        let copy = try TinyCheckpoint()
        try copy.replace("model_index.json", with: index)
        #expect(throws: ConfigError.self) { try CheckpointFolder(copy.path) }
    }

    @Test func namesAMissingComponent() throws {
        let copy = try TinyCheckpoint()
        try copy.remove("vae")
        let checkpoint = try CheckpointFolder(copy.path)
        for name in ["vae", "unet"] {
            #expect(throws: CheckpointError.missingComponent(name, in: copy.path)) {
                try checkpoint.folder(name, classes: ["AutoencoderKL"])
            }
        }
        try copy.editJSON("model_index.json") { $0["transformer"] = [NSNull(), NSNull()] }
        #expect(throws: CheckpointError.missingComponent("transformer", in: copy.path)) {
            try CheckpointFolder(copy.path).folder("transformer", classes: ["FluxTransformer2DModel"])
        }
    }

    @Test func namesAClassThatItHasNot() throws {
        let checkpoint = try CheckpointFolder(TinyCheckpoint.path())
        let error = CheckpointError.componentClass("vae", found: "AutoencoderKL", expected: ["AutoencoderTiny"])
        #expect(throws: error) { try checkpoint.folder("vae", classes: ["AutoencoderTiny"]) }
        #expect(
            "\(error)" == "the component vae is of class AutoencoderKL; this build has AutoencoderTiny")
    }
}
