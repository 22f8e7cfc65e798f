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
            $0["_visualgen_defaults"] = ["height": 128, "num_inference_steps": 20, "width": "wide"]
        }
        let defaults = try CheckpointFolder(copy.path).defaults
        #expect(defaults.height == 128)
        #expect(defaults.width == nil)
        #expect(defaults.numInferenceSteps == 20)
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
