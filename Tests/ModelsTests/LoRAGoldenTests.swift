import Diffusion
import Layers
import Models
import Tensors
import TestKit
import Testing

/// Every spelling of every family against the formulas, which are diffusers' results where diffusers reads the file.
@DeviceActor @Suite struct LoRAGoldenTests {
    @Test func thereAreGoldensOfEveryFamily() {
        for family in ["flux1", "flux2", "wan", "qwen-image", "cosmos3"] {
            #expect(LoRAGolden.all.filter { $0.description.hasPrefix("\(family)-") }.count > 8)
        }
    }

    @Test(arguments: LoRAGolden.all) func leadsToTheWeightsOfTheFormula(_ golden: LoRAGolden) throws {
        let model = try TinyModel(golden.model).model()
        var plan = ComputePlan()
        plan.loras = [golden.plan]
        try model.check(plan.loras)
        for component in model.components {
            let merge = try component.merge(plan)
            let expected = golden.expected[component.name] ?? [:]
            #expect(merge.keys == expected.keys.sorted(), "\(component.name)")
            let weights = try CheckpointWeights(component.place, merging: merge)
            for (key, sums) in expected {
                let shape = try #require(weights.checkpoint[key]).entry.shape
                let merged = try weights.tensor(key, shape: shape, plan: plan)
                #expect(merged.dtype == .float32 && merged.shape == shape)
                let found = try LoRAGolden.sums(of: merged.floats(), rows: shape[0])
                let size = sums.map(abs).max() ?? 0
                let worst = zip(found, sums).map { abs($0 - $1) }.max() ?? .infinity
                #expect(found.count == sums.count && worst <= 1e-6 * size, "\(key): \(worst) of \(size)")
            }
        }
    }

    /// LTX-2's names, without a model: its own, those of its authors, and what must not be taken for one.
    @Test func knowsTheNamesOfLTX2() throws {
        let modules = [
            "proj_in", "audio_proj_in", "time_embed.linear", "time_embed.emb.timestep_embedder.linear_1",
            "audio_time_embed.emb.timestep_embedder.linear_2", "prompt_adaln.linear", "audio_prompt_adaln.linear",
            "av_cross_attn_video_scale_shift.linear", "av_cross_attn_audio_scale_shift.linear",
            "av_cross_attn_video_a2v_gate.linear", "av_cross_attn_audio_v2a_gate.linear",
            "transformer_blocks.7.attn1.to_q", "transformer_blocks.7.attn1.norm_q",
            "transformer_blocks.7.audio_to_video_attn.norm_k", "transformer_blocks.7.ff.net.0.proj",
        ]
        let tables = ["transformer_blocks.7.video_a2v_cross_attn_scale_shift_table"]
        let known = LoRAModules(.ltx2, modules.map { ("\($0).weight", [4, 4]) } + tables.map { ($0, [4, 4]) })
        let spelt = [
            "patchify_proj": "proj_in", "audio_patchify_proj": "audio_proj_in",
            "adaln_single.linear": "time_embed.linear",
            "adaln_single.emb.timestep_embedder.linear_1": "time_embed.emb.timestep_embedder.linear_1",
            "audio_adaln_single.emb.timestep_embedder.linear_2": "audio_time_embed.emb.timestep_embedder.linear_2",
            "prompt_adaln_single.linear": "prompt_adaln.linear",
            "audio_prompt_adaln_single.linear": "audio_prompt_adaln.linear",
            "av_ca_video_scale_shift_adaln_single.linear": "av_cross_attn_video_scale_shift.linear",
            "av_ca_audio_scale_shift_adaln_single.linear": "av_cross_attn_audio_scale_shift.linear",
            "av_ca_a2v_gate_adaln_single.linear": "av_cross_attn_video_a2v_gate.linear",
            "av_ca_v2a_gate_adaln_single.linear": "av_cross_attn_audio_v2a_gate.linear",
            "transformer_blocks.7.attn1.q_norm": "transformer_blocks.7.attn1.norm_q",
            "transformer_blocks.7.audio_to_video_attn.k_norm": "transformer_blocks.7.audio_to_video_attn.norm_k",
            "transformer_blocks.7.scale_shift_table_a2v_ca_video": tables[0],
        ]
        for (name, module) in spelt {
            for prefix in ["diffusion_model.", "model.diffusion_model.", ""] {
                #expect(known.modules(named: prefix + name) == [module], "\(prefix)\(name)")
            }
        }
        for module in modules { #expect(known.modules(named: "transformer.\(module)") == [module]) }
        #expect(known.modules(named: "transformer_blocks.7.adaln_single.linear").isEmpty)
        let connectors = LoRAModules(.ltx2Connectors, [("text_proj_in.weight", [4, 4])])
        for name in ["text_embedding_projection.aggregate_embed", "connectors.text_proj_in"] {
            #expect(connectors.modules(named: name) == ["text_proj_in"])
        }
    }
}
