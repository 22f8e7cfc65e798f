package import Diffusion
package import Layers

extension LTX2 {
    /// The models in one file each: everything but text encoder and tokenizer, under the names of its authors, with the
    /// config in the header.
    // Source: Lightricks/LTX-2 at 400fd31, ltx_core/model, `model_configurator.py` of each part.
    package enum SingleFile: SingleFileLayout {
        package static func model(_ file: SafetensorsFile, config: [String: Any], allowingUnknown: Bool) throws
            -> SingleFileModel
        {
            let values = ConfigValues(config)
            func checked<Result>(_ body: () throws(ConfigFault) -> Result) throws(ConfigError) -> Result {
                do throws(ConfigFault) {
                    return try body()
                } catch {
                    throw ConfigError(file: file.path, fault: error)
                }
            }
            let header = try checked { () throws(ConfigFault) in try Header(values) { file[$0]?.shape } }
            let unknown = values.unknown
            guard unknown.isEmpty || allowingUnknown else {
                throw ConfigError(file: file.path, fault: .unknown(unknown))
            }
            let names = try file.names(allowingUnknown: allowingUnknown) { tensor($0, levels: header.levels) }
            for name in names.keys.sorted() where header.components[name] == nil {
                throw ConfigError(file: file.path, fault: .value(name, found: "nothing"))
            }
            // Of what the header describes, some may be left out of the file.
            let parts = header.components.compactMap { name, component in
                let own = names[name] ?? [:]
                return own.isEmpty && name != Header.scheduler
                    ? nil
                    : SingleFilePart(
                        name, class: component.className, config: component.config, names: own, of: file)
            }
            return SingleFileModel(file.path, pipelineClass: "LTX2Pipeline", parts: parts)
        }
    }
}

extension LTX2.SingleFile {
    /// What the tensor of a name is.
    ///
    /// - Parameters:
    ///   - name: in the file
    ///   - levels: how many times the video's encoder makes frames smaller
    package static func tensor(_ name: String, levels: Int) -> SingleFileTensor {
        var path = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)[...]
        func part(_ component: String, _ names: [String: String] = [:]) -> SingleFileTensor {
            .part(component, key: path.map { names[$0] ?? $0 }.filter { !$0.isEmpty }.joined(separator: "."))
        }
        switch path.popFirst() {
        case "model" where path.popFirst() == "diffusion_model":
            guard let first = path.first, let connector = connectors[first] else {
                return part("transformer", transformer)
            }
            path[path.startIndex] = connector
            return part("connectors", connectorNames)
        case "text_embedding_projection":
            guard let first = path.first, let projection = projections[first] else { return .unknown }
            path[path.startIndex] = projection
            return part("connectors")
        case "vae":
            if let statistics = statistics(path, of: "vae") { return statistics }
            guard path.count > 3, let number = Int(path[path.startIndex + 2]), number >= 0 else { return part("vae") }
            let block: String
            switch (path[path.startIndex], path[path.startIndex + 1]) {
            case ("encoder", "down_blocks"): block = encoderBlock(number, levels)
            case ("decoder", "up_blocks"): block = decoderBlock(number)
            default: return part("vae")
            }
            path.replaceSubrange(path.startIndex + 1...path.startIndex + 2, with: [block])
            return part("vae", ["res_blocks": "resnets"])
        case "audio_vae": return statistics(path, of: "audio_vae") ?? part("audio_vae")
        case "vocoder": return part("vocoder", vocoder)
        default: return .unknown
        }
    }

    /// Blocks and what is between them share one count, at whose end is the middle one.
    private static func encoderBlock(_ number: Int, _ levels: Int) -> String {
        let level = number / 2
        if level == levels { return "mid_block" }
        return number.isMultiple(of: 2) ? "down_blocks.\(level)" : "down_blocks.\(level).downsamplers.0"
    }

    /// The same from the middle one on.
    private static func decoderBlock(_ number: Int) -> String {
        if number == 0 { return "mid_block" }
        let level = (number - 1) / 2
        return number.isMultiple(of: 2) ? "up_blocks.\(level)" : "up_blocks.\(level).upsamplers.0"
    }

    /// By what latents are normalised, and what stands beside that.
    private static func statistics(_ path: ArraySlice<String>, of component: String) -> SingleFileTensor? {
        guard path.count == 2, path.first == "per_channel_statistics" else { return nil }
        switch path.last {
        case "mean-of-means": return .part(component, key: "latents_mean")
        case "std-of-means": return .part(component, key: "latents_std")
        case "channel", "mean-of-stds", "mean-of-stds_over_std-of-means": return .idle
        default: return .unknown
        }
    }

    private static let transformer = [
        "patchify_proj": "proj_in", "audio_patchify_proj": "audio_proj_in", "adaln_single": "time_embed",
        "audio_adaln_single": "audio_time_embed", "prompt_adaln_single": "prompt_adaln",
        "audio_prompt_adaln_single": "audio_prompt_adaln",
        "av_ca_video_scale_shift_adaln_single": "av_cross_attn_video_scale_shift",
        "av_ca_audio_scale_shift_adaln_single": "av_cross_attn_audio_scale_shift",
        "av_ca_a2v_gate_adaln_single": "av_cross_attn_video_a2v_gate",
        "av_ca_v2a_gate_adaln_single": "av_cross_attn_audio_v2a_gate",
        "scale_shift_table_a2v_ca_video": "video_a2v_cross_attn_scale_shift_table",
        "scale_shift_table_a2v_ca_audio": "audio_a2v_cross_attn_scale_shift_table",
        "q_norm": "norm_q", "k_norm": "norm_k",
    ]
    private static let connectors = [
        "video_embeddings_connector": "video_connector", "audio_embeddings_connector": "audio_connector",
    ]
    private static let connectorNames = [
        "transformer_1d_blocks": "transformer_blocks", "q_norm": "norm_q", "k_norm": "norm_k",
    ]
    private static let projections = [
        "aggregate_embed": "text_proj_in", "video_aggregate_embed": "video_text_proj_in",
        "audio_aggregate_embed": "audio_text_proj_in",
    ]
    private static let vocoder = [
        "conv_pre": "conv_in", "conv_post": "conv_out", "ups": "upsamplers", "resblocks": "resnets",
        "act_post": "act_out", "lowpass": "",
    ]
}
