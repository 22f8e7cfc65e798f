"""LTX-2's checkpoints as one file each: the names that tensors have there, and the configuration in its header.

    python ltx2_single_file.py OUTPUT.safetensors [--model ltx2-tiny]

writes a tiny checkpoint as such a file, without text encoder and tokenizer, which are a folder of their own there (and
with `--model ltx2-tiny-upsampler` the upsampler's). The names invert diffusers' conversion tables; of the header, 2.3's
keys are a published file's, and 2.0's those of them that its shape needs.
Tests/Goldens/ltx2/single-file-<version>.json has, for each tensor of the file,
the component and the key it comes from, and the metadata of the header, so that a test can put the file together.
"""

import argparse
import json
import re
from pathlib import Path

from common import CHECKPOINTS, GOLDENS, save_tensors

from safetensors.torch import load_file

PREFIXES = {"transformer": "model.diffusion_model.", "connectors": "model.diffusion_model.", "vae": "vae.",
            "audio_vae": "audio_vae.", "vocoder": "vocoder."}  # fmt: skip
STATISTICS = [(r"^latents_mean$", "per_channel_statistics.mean-of-means"),
              (r"^latents_std$", "per_channel_statistics.std-of-means")]  # fmt: skip
# What is replaced in a key of diffusers, in this order.
NAMES = {
    "transformer": [
        (r"^(audio_)?proj_in\.", r"\1patchify_proj."), (r"^(audio_)?time_embed\.", r"\1adaln_single."),
        (r"^(audio_)?prompt_adaln\.", r"\1prompt_adaln_single."),
        (r"^av_cross_attn_(video|audio)_scale_shift\.", r"av_ca_\1_scale_shift_adaln_single."),
        (r"^av_cross_attn_(?:video|audio)_(a2v|v2a)_gate\.", r"av_ca_\1_gate_adaln_single."),
        (r"\b(video|audio)_a2v_cross_attn_scale_shift_table$", r"scale_shift_table_a2v_ca_\1"), (r"\bnorm_([qk])\b", r"\1_norm"),
    ],
    "connectors": [
        (r"^(video|audio)_connector\.", r"\1_embeddings_connector."), (r"\btransformer_blocks\.", "transformer_1d_blocks."),
        (r"\bnorm_([qk])\b", r"\1_norm"),
    ],
    "vae": STATISTICS,
    "audio_vae": STATISTICS,
    "vocoder": [
        (r"\bconv_in\.", "conv_pre."), (r"\bconv_out\.", "conv_post."), (r"\bupsamplers\.", "ups."),
        (r"\bresnets\.", "resblocks."), (r"\bact_out\.", "act_post."), (r"\bdownsample\.filter", "downsample.lowpass.filter"),
    ],
}  # fmt: skip


def video_block(key, levels):
    """Blocks and what is between them share one count; the middle one is the encoder's last and the decoder's first."""
    key = key.replace("resnets.", "res_blocks.").replace("encoder.mid_block.", f"encoder.down_blocks.{levels}.")
    key = re.sub(r"^(encoder.down_blocks)\.(\d+)\.downsamplers\.0\.", lambda found: f"{found[1]}.{int(found[2])}.between.", key)
    key = re.sub(r"^(decoder.up_blocks)\.(\d+)\.upsamplers\.0\.", lambda found: f"{found[1]}.{int(found[2])}.between.", key)

    def counted(found):
        number = 2 * int(found[2]) + (found[1].startswith("decoder") and found[3] is None) * 2 + (found[3] is not None)
        return f"{found[1]}.{number}."

    key = re.sub(r"^(encoder.down_blocks|decoder.up_blocks)\.(\d+)\.(between\.)?", counted, key)
    return key.replace("decoder.mid_block.", "decoder.up_blocks.0.")


def name_of(component, key, levels):
    """The name of a tensor in one file."""
    if match := re.match(r"^(?:(video|audio)_)?text_proj_in\.", key):
        side = f"{match[1]}_" if match[1] else ""
        return f"text_embedding_projection.{side}aggregate_embed.{key[match.end():]}"
    if component == "vae":
        key = video_block(key, levels)
    for pattern, replacement in NAMES[component]:
        key = re.sub(pattern, replacement, key)
    return PREFIXES[component] + key


def tensors(configs, states):
    """Where each tensor of one file comes from, `component/key`, of the keys of the components."""
    levels = len(configs["vae"]["block_out_channels"])
    names = {name_of(component, key, levels): f"{component}/{key}" for component in PREFIXES for key in states[component]}
    if not configs["connectors"].get("per_modality_projections"):
        # Statistics that nothing reads.
        for name in ("channel", "mean-of-stds", "mean-of-stds_over_std-of-means"):
            names[f"vae.per_channel_statistics.{name}"] = "vae/latents_std"
    return dict(sorted(names.items()))


def transformer_header(transformer, connectors):
    """The header's part for the transformer, and with it the connectors."""
    later = transformer.get("gated_attn", False)
    header = {
        "_class_name": "AVTransformer3DModel", "activation_fn": transformer["activation_fn"],
        "attention_bias": transformer["attention_bias"], "attention_head_dim": transformer["attention_head_dim"],
        "attention_type": "default", "caption_channels": transformer["caption_channels"],
        "cross_attention_dim": transformer["cross_attention_dim"], "double_self_attention": False, "dropout": 0.0,
        "in_channels": transformer["in_channels"], "norm_elementwise_affine": False, "norm_eps": transformer["norm_eps"],
        "norm_num_groups": 32, "num_attention_heads": transformer["num_attention_heads"], "num_embeds_ada_norm": 1000,
        "num_layers": transformer["num_layers"], "num_vector_embeds": None, "only_cross_attention": False,
        "cross_attention_norm": True, "out_channels": transformer["out_channels"], "upcast_attention": False,
        "use_linear_projection": False, "qk_norm": "rms_norm", "standardization_norm": "rms_norm",
        "positional_embedding_type": "rope", "positional_embedding_theta": transformer["rope_theta"],
        "positional_embedding_max_pos": [transformer[key] for key in ("pos_embed_max_pos", "base_height", "base_width")],
        "timestep_scale_multiplier": transformer["timestep_scale_multiplier"],
        "av_ca_timestep_scale_multiplier": float(transformer["cross_attn_timestep_scale_multiplier"]),
        "causal_temporal_positioning": True, "audio_num_attention_heads": transformer["audio_num_attention_heads"],
        "audio_attention_head_dim": transformer["audio_attention_head_dim"], "use_audio_video_cross_attention": True,
        "share_ff": False, "audio_out_channels": transformer["audio_out_channels"],
        "audio_cross_attention_dim": transformer["audio_cross_attention_dim"],
        "audio_positional_embedding_max_pos": [transformer["audio_pos_embed_max_pos"]], "av_cross_ada_norm": True,
        "use_embeddings_connector": True, "connector_attention_head_dim": connectors["video_connector_attention_head_dim"],
        "connector_num_attention_heads": connectors["video_connector_num_attention_heads"],
        "connector_num_layers": connectors["video_connector_num_layers"],
        "connector_positional_embedding_max_pos": [connectors["connector_rope_base_seq_len"]],
        "connector_num_learnable_registers": connectors["video_connector_num_learnable_registers"],
        "connector_norm_output": True, "use_middle_indices_grid": True, "rope_type": transformer["rope_type"],
        "frequencies_precision": "float64" if transformer["rope_double_precision"] else "float32",
    }  # fmt: skip
    if transformer["audio_in_channels"] != 128:  # no published header has it
        header["audio_in_channels"] = transformer["audio_in_channels"]
    if later:
        header |= {
            "apply_gated_attention": True, "connector_apply_gated_attention": True, "caption_projection_first_linear": False,
            "caption_projection_second_linear": False, "caption_proj_input_norm": False, "connector_learnable_registers_std": 1,
            "caption_proj_before_connector": True, "cross_attention_adaln": True, "text_encoder_norm_type": "per_token_rms",
            "audio_connector_attention_head_dim": connectors["audio_connector_attention_head_dim"],
            "audio_connector_num_attention_heads": connectors["audio_connector_num_attention_heads"],
        }  # fmt: skip
        if connectors["audio_connector_num_layers"] != connectors["video_connector_num_layers"]:
            header["audio_connector_num_layers"] = connectors["audio_connector_num_layers"]
    return header


def blocks(layers, kinds, options, plain):
    """A list of blocks, and of what is between them."""
    result = []
    for number, count in enumerate(layers):
        result.append(["res_x", {"num_layers": count} | plain])
        if number < len(kinds):
            result.append([kinds[number], options[number]])
    return result


def vae_header(vae):
    """The header's part for the video autoencoder. The decoder's blocks stand in the encoder's order."""
    kinds = {"spatial": "compress_space", "temporal": "compress_time", "spatiotemporal": "compress_all"}
    channels = [vae["latent_channels"], *vae["block_out_channels"]]
    grown = [{"multiplier": wide // narrow} for narrow, wide in zip(channels, channels[1:])]
    reversed_kinds = [kinds[kind] for kind in reversed(vae.get("upsample_type", ["spatiotemporal"] * 3))]
    is_residual = vae["upsample_residual"][0]
    factors = [({"residual": True} if is_residual else {}) | {"multiplier": factor} for factor in vae["upsample_factor"]]
    padding = {"spatial_padding_mode": "zeros"} if vae["decoder_spatial_padding_mode"] == "zeros" else {
        "encoder_spatial_padding_mode": "zeros", "decoder_spatial_padding_mode": "reflect"}  # fmt: skip
    return {
        "_class_name": "CausalVideoAutoencoder", "dims": 3, "in_channels": vae["in_channels"],
        "out_channels": vae["out_channels"], "latent_channels": vae["latent_channels"],
        "encoder_blocks": blocks(
            vae["layers_per_block"], [f"{kinds[kind]}_res" for kind in vae["downsample_type"]], grown, {}),
        "decoder_blocks": blocks(
            vae["decoder_layers_per_block"], reversed_kinds, factors, {"inject_noise": False} if is_residual else {}),
        "scaling_factor": vae["scaling_factor"], "norm_layer": "pixel_norm", "patch_size": vae["patch_size"],
        "latent_log_var": "uniform", "use_quant_conv": False, "causal_decoder": vae["decoder_causal"],
        "timestep_conditioning": vae["timestep_conditioning"], "normalize_latent_channels": False,
        "encoder_base_channels": vae["latent_channels"],
        "decoder_base_channels": vae["decoder_block_out_channels"][0] // vae["upsample_factor"][0],
    } | padding  # fmt: skip


def audio_vae_header(audio):
    """The header's part for the audio autoencoder."""
    model = {
        "double_z": audio["double_z"], "mel_bins": audio["mel_bins"], "z_channels": audio["latent_channels"],
        "resolution": audio["resolution"], "downsample_time": False, "in_channels": audio["in_channels"],
        "out_ch": audio["output_channels"], "ch": audio["base_channels"], "ch_mult": audio["ch_mult"],
        "num_res_blocks": audio["num_res_blocks"], "attn_resolutions": [], "dropout": 0.0,
        "mid_block_add_attention": audio["mid_block_add_attention"], "norm_type": audio["norm_type"],
        "causality_axis": audio["causality_axis"],
    }  # fmt: skip
    return {
        "model": {"params": {"ddconfig": model, "sampling_rate": audio["sample_rate"]}},
        "preprocessing": {
            "audio": {"sampling_rate": audio["sample_rate"], "max_wav_value": 32768.0, "duration": 5.12, "stereo": True,
                      "causal_padding": 3},
            "stft": {"filter_length": 1024, "hop_length": audio["mel_hop_length"], "win_length": 1024, "causal": True},
            "mel": {"n_mel_channels": audio["mel_bins"], "mel_fmin": 0, "mel_fmax": 8000},
        },
    }  # fmt: skip


def vocoder_net(vocoder, prefix=""):
    """One of the vocoder's nets."""
    later = vocoder.get(f"{prefix}act_fn") == "snakebeta"
    net = {
        "upsample_initial_channel": vocoder[f"{prefix}hidden_channels"], "resblock": "AMP1" if later else "1",
        "upsample_rates": vocoder[f"{prefix}upsample_factors"], "resblock_kernel_sizes": vocoder[f"{prefix}resnet_kernel_sizes"],
        "upsample_kernel_sizes": vocoder[f"{prefix}upsample_kernel_sizes"],
        "resblock_dilation_sizes": vocoder[f"{prefix}resnet_dilations"], "stereo": True,
    }  # fmt: skip
    return net | {"use_tanh_at_final": False, "activation": "snakebeta", "use_bias_at_final": False} if later else net


def vocoder_header(vocoder):
    """The header's part for the vocoder: one net, or two."""
    if "bwe_hidden_channels" not in vocoder:
        return vocoder_net(vocoder)
    ends = {
        "apply_final_activation": False, "input_sampling_rate": vocoder["input_sampling_rate"],
        "output_sampling_rate": vocoder["output_sampling_rate"], "hop_length": vocoder["hop_length"],
        "n_fft": vocoder["filter_length"], "win_size": vocoder["window_length"], "num_mels": vocoder["num_mel_channels"],
    }  # fmt: skip
    return {"vocoder": vocoder_net(vocoder), "bwe": vocoder_net(vocoder, "bwe_") | ends}


SCHEDULER = {"_class_name": "RectifiedFlowScheduler", "_diffusers_version": "0.25.1", "num_train_timesteps": 1000,
             "shifting": None, "base_resolution": None, "sampler": "LinearQuadratic"}  # fmt: skip


def header(configs):
    """The configuration of all components, of diffusers' configs."""
    return {
        "transformer": transformer_header(configs["transformer"], configs["connectors"]), "vae": vae_header(configs["vae"]),
        "scheduler": SCHEDULER, "audio_vae": audio_vae_header(configs["audio_vae"]),
        "vocoder": vocoder_header(configs["vocoder"]),
    }  # fmt: skip


def upsampler_header(upsampler):
    """The whole header of a latent upsampler's file, whose tensors have diffusers' names."""
    names = "in_channels mid_channels num_blocks_per_stage dims spatial_upsample temporal_upsample".split()
    return {"_class_name": "LatentUpsampler"} | {name: upsampler[name] for name in names} | {
        "spatial_scale": upsampler["rational_spatial_scale"], "rational_resampler": upsampler["use_rational_resampler"],
    }  # fmt: skip


def load_upsampler(model):
    """The config and the tensors of a tiny upsampler."""
    folder = CHECKPOINTS / f"{model}-upsampler" / "latent_upsampler"
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return config, load_file(folder / "diffusion_pytorch_model.safetensors")


def load(model):
    """The configs and the tensors of a tiny checkpoint by component."""
    folder = CHECKPOINTS / model
    configs = {name: json.loads((folder / name / "config.json").read_text(encoding="utf-8")) for name in PREFIXES}
    return configs, {name: load_file(folder / name / "diffusion_pytorch_model.safetensors") for name in PREFIXES}


def metadata(configs):
    """The metadata of a file."""
    return {"config": json.dumps(header(configs))}


def write(model, path):
    """Writes a tiny checkpoint as one file; the name of an upsampler gives the upsampler's."""
    if model.endswith("-upsampler"):
        config, content = load_upsampler(model.removesuffix("-upsampler"))
        save_tensors(path, content, {"config": json.dumps(upsampler_header(config))})
        return
    configs, states = load(model)
    content = {name: states[source.split("/", 1)[0]][source.split("/", 1)[1]]
               for name, source in tensors(configs, states).items()}  # fmt: skip
    save_tensors(path, content, metadata(configs))


def check(configs, states):
    """Whether diffusers' own conversion gives the keys back; it knows 2.0's transformer and autoencoders."""
    from diffusers.loaders import single_file_utils as utils

    names = tensors(configs, states)
    converters = {"transformer": utils.convert_ltx2_transformer_to_diffusers, "vae": utils.convert_ltx2_vae_to_diffusers,
                  "audio_vae": utils.convert_ltx2_audio_vae_to_diffusers}  # fmt: skip
    for component, convert in converters.items():
        given = {name: source for name, source in names.items() if name.startswith(PREFIXES[component])}
        found = convert(given)
        assert {key: f"{component}/{key}" for key in found} == found and set(found) == set(states[component]), component


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("output", type=Path, nargs="?", help="where to write the file; without it the goldens are written")
    parser.add_argument("--model", default="ltx2-tiny")
    asked = parser.parse_args()
    if asked.output is not None:
        write(asked.model, asked.output)
        return
    for version, model in {"2.0": "ltx2-tiny", "2.3": "ltx2.3-tiny"}.items():
        configs, states = load(model)
        if version == "2.0":
            check(configs, states)
        content = {"model": model, "metadata": metadata(configs), "tensors": tensors(configs, states)}
        content["upsampler_metadata"] = {"config": json.dumps(upsampler_header(load_upsampler(model)[0]))}
        (GOLDENS / "ltx2" / f"single-file-{version}.json").write_text(json.dumps(content, indent=0) + "\n", encoding="utf-8")
        print(version, len(content["tensors"]), "tensors")


if __name__ == "__main__":
    main()
