import Layers
import Testing

@Suite struct SafetensorsCheckpointFilesTests {
    func locate(_ names: String..., variant: String? = nil) throws -> CheckpointFiles {
        let folder = try SafetensorsFolder()
        for name in names { try folder.write(name, []) }
        do {
            switch try CheckpointFiles.locate(in: folder.path, variant: variant) {
            case .single(let path): return .single(path: path.replacing("\(folder.path)/", with: ""))
            case .sharded(let path): return .sharded(indexPath: path.replacing("\(folder.path)/", with: ""))
            }
        } catch .folder(_, let fault) {
            throw fault
        }
    }

    @Test func findsTheNamesOfDiffusersAndTransformers() throws {
        #expect(
            try locate("config.json", "diffusion_pytorch_model.safetensors", "diffusion_pytorch_model.bin")
                == .single(path: "diffusion_pytorch_model.safetensors"))
        #expect(try locate("model.safetensors") == .single(path: "model.safetensors"))
        #expect(
            try locate("model.safetensors.index.json", "model-00001-of-00001.safetensors")
                == .sharded(indexPath: "model.safetensors.index.json"))
    }

    @Test func prefersTheIndexAndTheEarlierBaseName() throws {
        #expect(
            try locate("model.safetensors", "model.safetensors.index.json")
                == .sharded(indexPath: "model.safetensors.index.json"))
        #expect(
            try locate("model.safetensors.index.json", "diffusion_pytorch_model.safetensors")
                == .single(path: "diffusion_pytorch_model.safetensors"))
    }

    @Test func takesOnlyTheVariantThatWasAskedFor() throws {
        let single = "diffusion_pytorch_model.fp16.safetensors"
        #expect(try locate(single, "diffusion_pytorch_model.safetensors", variant: "fp16") == .single(path: single))
        for index in ["model.safetensors.index.fp16.json", "model.fp16.safetensors.index.json"] {
            #expect(try locate(index, "model.safetensors", variant: "fp16") == .sharded(indexPath: index))
        }
        #expect(throws: CheckpointFolderFault.onlyVariants(["bf16", "fp16"], asked: nil)) {
            try locate(single, "model.bf16.safetensors")
        }
        #expect(throws: CheckpointFolderFault.onlyVariants(["the plain files", "fp16"], asked: "fp8")) {
            try locate(single, "model.safetensors", variant: "fp8")
        }
    }

    @Test func saysWhatIsThereInstead() throws {
        #expect(throws: CheckpointFolderFault.onlyOtherFormats(["a.ckpt", "diffusion_pytorch_model.bin"])) {
            try locate("diffusion_pytorch_model.bin", "a.ckpt", "config.json")
        }
        #expect(
            CheckpointFolderFault.onlyOtherFormats(["pytorch_model.bin"]).description
                == #"has only "pytorch_model.bin"; only safetensors are read"#)
        #expect(throws: CheckpointFolderFault.self) { try locate("config.json") }
        #expect(throws: SafetensorsError.folder("/nowhere", .notAFolder)) { try CheckpointFiles.locate(in: "/nowhere") }
    }
}
