import Diffusion
import Foundation
import Layers
import Models
import TestKit
import Testing

@Suite struct CatalogTests {
    private func checkpoint(_ pipelineClass: String) throws -> CheckpointFolder {
        let folder = try TemporaryFolder()
        try folder.write(#"{"_class_name": "\#(pipelineClass)"}"#, to: "model_index.json")
        return try CheckpointFolder(folder.path)
    }

    @Test func runsAClassByItsExactName() throws {
        #expect(try Catalog.family(of: checkpoint("FluxPipeline")) == Flux1.self)
        for name in ["Flux2Pipeline", "Flux2KleinPipeline"] {
            #expect(try Catalog.family(of: checkpoint(name)) == Flux2.self)
        }
        for name in ["WanPipeline", "WanImageToVideoPipeline"] {
            #expect(try Catalog.family(of: checkpoint(name)) == Wan.self)
        }
        for name in ["Cosmos3OmniPipeline", "Cosmos3OmniMoTPipeline", "Cosmos3OmniDiffusersPipeline"] {
            #expect(try Catalog.family(of: checkpoint(name)) == Cosmos3.self)
        }
        #expect(try Catalog.checkpoint(at: TinyCheckpoint.path()).pipelineClass == "FluxPipeline")
    }

    @Test(arguments: [("QwenImageLayeredPipeline", "Qwen-Image-Layered")])
    func namesAFamilyThatIsNotInTheBuild(_ name: String, _ family: String) throws {
        let checkpoint = try checkpoint(name)
        let error = CheckpointError.familyNotInBuild(family, found: name)
        #expect(throws: error) { try Catalog.family(of: checkpoint) }
        #expect("\(error)".hasPrefix("\(family) is not in this build"))
    }

    @Test(arguments: ["WanI2VPipeline", "WanVACEPipeline", "WanVideoToVideoPipeline"])
    func refusesAVariantOfWanByName(_ name: String) throws {
        let checkpoint = try checkpoint(name)
        let error = CheckpointError.pipelineVariant(name, family: "Wan 2.1/2.2", runs: Wan.pipelineClasses)
        #expect(throws: error) { try Catalog.family(of: checkpoint) }
    }

    /// They keep keys of references, fill masks in, or follow depths.
    @Test(arguments: ["Flux2KleinKVPipeline", "Flux2KleinInpaintPipeline", "Flux2ControlPipeline"])
    func refusesAVariantOfFlux2ByName(_ name: String) throws {
        let checkpoint = try checkpoint(name)
        let error = CheckpointError.pipelineVariant(name, family: "FLUX.2", runs: Flux2.pipelineClasses)
        #expect(throws: error) { try Catalog.family(of: checkpoint) }
    }

    /// They have FLUX.1's components and take other inputs.
    @Test(arguments: [
        "FluxKontextPipeline", "FluxFillPipeline", "FluxControlPipeline", "FluxImg2ImgPipeline", "MyFluxPipeline",
        "FluxPipeline2",
    ])
    func refusesAVariantOfAFamilyByName(_ name: String) throws {
        let checkpoint = try checkpoint(name)
        let error = CheckpointError.pipelineVariant(name, family: "FLUX.1", runs: ["FluxPipeline"])
        #expect(throws: error) { try Catalog.family(of: checkpoint) }
        for part in [name, "FLUX.1", "FluxPipeline"] { #expect("\(error)".contains(part)) }
    }

    @Test(arguments: ["StableDiffusionPipeline", "fluxpipeline", "", "ImageToVideoPipeline"])
    func saysWhatAnUnknownClassIs(_ name: String) throws {
        let checkpoint = try checkpoint(name)
        #expect(
            throws: CheckpointError.pipelineClass(
                name,
                known: Wan.pipelineClasses + Flux2.pipelineClasses + Flux1.pipelineClasses
                    + QwenImage.pipelineClasses + Cosmos3.pipelineClasses + LTX2.pipelineClasses)
        ) {
            try Catalog.family(of: checkpoint)
        }
    }

    private func single(_ config: String?, in folder: TemporaryFolder, as name: String = "m.safetensors") throws
        -> String
    {
        try SafetensorsWriter.write(
            [.init(name: "a", shape: [1], floats: [1])], metadata: config.map { ["config": $0] } ?? [:],
            to: folder.file(name))
        return folder.file(name)
    }

    @Test(arguments: [
        (#"{"transformer": {}, "vae": {}}"#, "vae.encoder_blocks"),
        (#"{"transformer": {}, "audio_vae": {}, "vocoder": {}}"#, "audio_vae.model"),
        (#"{"vae": {}, "audio_vae": {}, "transformer": {}}"#, "vae.encoder_blocks"),
    ])
    func recognisesAFileWithAWholeModel(_ config: String, _ missing: String) throws {
        let folder = try TemporaryFolder()
        let file = try single(config, in: folder)
        // It is read as LTX-2's, which lacks nearly everything.
        let error = ConfigError(file: file, fault: .value(missing, found: "nothing"))
        #expect(throws: error) { try Catalog.checkpoint(at: file) }
        _ = try single(nil, in: folder, as: "another.safetensors")
        #expect(throws: error) { try Catalog.checkpoint(at: folder.path) }
    }

    @Test(
        arguments: [
            (nil, []), ("{", []), ("[]", []), (#"{"vae": {}}"#, ["vae"]), (#"{"transformer": {}}"#, ["transformer"]),
        ] as [(String?, [String])])
    func saysWhatASingleFileHolds(_ config: String?, _ keys: [String]) throws {
        let folder = try TemporaryFolder()
        let file = try single(config, in: folder)
        #expect(throws: CheckpointError.noEmbeddedConfig(file, found: keys)) { try Catalog.checkpoint(at: file) }
        #expect(throws: CheckpointError.noIndex(folder.path, found: ["m.safetensors"])) {
            try Catalog.checkpoint(at: folder.path)
        }
    }

    @Test func saysWhatIsNoModelAtAll() throws {
        let folder = try TemporaryFolder()
        let text = try folder.write("text", to: "notes.txt")
        #expect(throws: CheckpointError.notFolder(text)) { try Catalog.checkpoint(at: text) }
        let damaged = try folder.write("text", to: "m.safetensors")
        #expect(throws: SafetensorsError.self) { try Catalog.checkpoint(at: damaged) }
        #expect(throws: CheckpointError.noIndex(folder.path, found: ["m.safetensors", "notes.txt"])) {
            try Catalog.checkpoint(at: folder.path)
        }
        #expect(throws: CheckpointError.notFound(folder.file("none"))) {
            try Catalog.checkpoint(at: folder.file("none"))
        }
    }

    /// A folder with an index is what the index says, whatever else lies in it.
    @Test func prefersTheIndexToSingleFiles() throws {
        let copy = try TinyCheckpoint()
        try SafetensorsWriter.write(
            [.init(name: "a", shape: [1], floats: [1])],
            metadata: ["config": #"{"transformer": {}, "vae": {}}"#], to: copy.file("whole.safetensors"))
        #expect(try Catalog.family(of: Catalog.checkpoint(at: copy.path)) == Flux1.self)
    }
}
