import Diffusion
import Engine
import Layers
import TestKit
import Testing
import VisualGen

@Suite struct CpuOffloadConfigTests {
    /// By the names of TensorRT-LLM's files, or the checkpoint's own.
    @Test func namesComponentsOfTheModel() throws {
        let model = try VisualGenArgs().worker(at: TinyCheckpoint.path(of: "wan2.2-tiny-t2v-a14b")).open()
        var args = VisualGenArgs()
        args.cpuOffloadConfig.enable = true
        #expect(args.problems(of: model).isEmpty)
        args.cpuOffloadConfig.stages = ["text_encoder", ["denoising_transformer", "denoising_transformer_2"], "vae"]
        #expect(args.problems(of: model).isEmpty)
        let plan = try #require(args.worker(at: "").options.plan.offload)
        #expect(plan.components == ["text_encoder", "transformer", "transformer_2", "vae"])
        args.cpuOffloadConfig.stages = ["vae", "unet"]
        #expect(
            args.problems(of: model).map(\.description) == [
                "cpu_offload_config.stages has unet, which the model does not have; its components are text_encoder, "
                    + "transformer, transformer_2, vae"
            ])
        args.cpuOffloadConfig.enable = false
        #expect(args.problems(of: model).isEmpty)
    }

    @Test func pinsTheHostsMemoryUnlessToldOtherwise() {
        var args = VisualGenArgs()
        #expect(args.worker(at: "").options.plan.offload == nil)
        args.cpuOffloadConfig.enable = true
        #expect(args.worker(at: "").options.plan.offload == OffloadPlan())
        args.cpuOffloadConfig.pinMemory = false
        #expect(args.worker(at: "").options.plan.offload?.isPinned == false)
    }
}
