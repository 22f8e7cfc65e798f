"""Times denoisers of published size alone: VisualGen's `bench transformer`, and diffusers' eager and compiled, in turn.

    python denoisers.py --program ../../visualgen-bundle/visualgen            # all that are named below
    python denoisers.py flux2-dev flux2-klein-9b --rounds 2
    python denoisers.py wan2.1-14b --processes VisualGen CUDNN
    python denoisers.py flux1-dev --processes VisualGen FP8_PER_CHANNEL_PER_TOKEN FP8_BLOCK_SCALES

A process may be VisualGen's with quantised layers, by its `quant_algo`, or with another attention, by its backend. Weights are random and made on the card, so no checkpoint is needed and only the transformer is in memory. A process each; the
first step is not counted. The table has the median milliseconds of a step of each process in order, and the ratio of the
quickest of each.
"""

import json
import statistics
import sys
import time
from pathlib import Path

import shared

import torch

# The published configs that differ from the class's defaults, those of `own_config` from diffusers' alone; tokens of text; of
# videos height, width and frames.
SUBJECTS = {
    "flux1-dev": {
        "family": "flux.1", "class": "FluxTransformer2DModel", "config": {"guidance_embeds": True}, "text": 512,
    },
    "flux2-dev": {"family": "flux.2", "class": "Flux2Transformer2DModel", "config": {}, "text": 512},
    "flux2-klein-9b": {
        "family": "flux.2", "class": "Flux2Transformer2DModel", "text": 512,
        "config": {"num_layers": 8, "num_single_layers": 24, "num_attention_heads": 32, "joint_attention_dim": 12288,
                   "guidance_embeds": False},
    },
    "flux2-klein-4b": {
        "family": "flux.2", "class": "Flux2Transformer2DModel", "text": 512,
        "config": {"num_layers": 5, "num_single_layers": 20, "num_attention_heads": 24, "joint_attention_dim": 7680,
                   "guidance_embeds": False},
    },
    "qwen-image": {"family": "qwen-image", "class": "QwenImageTransformer2DModel", "config": {}, "text": 64},
    "wan2.1-1.3b": {
        "family": "wan", "class": "WanTransformer3DModel", "text": 512, "size": (480, 832, 81),
        "config": {"num_attention_heads": 12, "num_layers": 30, "ffn_dim": 8960},
    },
    "wan2.1-14b": {
        "family": "wan", "class": "WanTransformer3DModel", "text": 512, "size": (480, 832, 81),
        "config": {"num_attention_heads": 40, "num_layers": 40, "ffn_dim": 13824},
    },
    "ltx-2": {
        "family": "ltx-2", "class": "LTX2VideoTransformer3DModel", "config": {}, "text": 1024, "size": (512, 768, 121),
        "own_config": {"rope_type": "split"},
    },
    "cosmos3-nano": {
        "family": "cosmos3", "class": "Cosmos3OmniTransformer", "config": {}, "text": 512, "size": (720, 1280, 189),
    },
    "ltx-2-large": {
        "family": "ltx-2", "class": "LTX2VideoTransformer3DModel", "config": {}, "text": 1024, "size": (1024, 1536, 121),
        "own_config": {"rope_type": "split"},
    },
}  # fmt: skip


BACKENDS = ("CUDNN", "FA4")


def ours(name, algorithm, arguments):
    """The seconds of each step of VisualGen, and the most memory of the card that was in use."""
    subject = SUBJECTS[name]
    height, width, frames = subject.get("size", (arguments.side, arguments.side, 1))
    command = [
        arguments.program, "bench", "transformer", "--family", subject["family"], "--height", height, "--width", width,
        "--text-tokens", subject["text"], "--dtype", "bfloat16", "--device", arguments.device, "--runs", arguments.runs,
    ]  # fmt: skip
    command += ["--num-frames", frames] if frames > 1 else []
    for key, value in subject["config"].items():
        command += ["--set", f"{key}={int(value)}"]
    if algorithm in BACKENDS:
        command += ["--attention-config", f"{{backend: {algorithm}}}"]
    elif algorithm:
        command += ["--quant-algo", algorithm]
    report = json.loads(shared.run(command, 400)[1])
    return report["seconds"], report.get("device_memory", {}).get("peak_allocated_bytes", 0)


def of_video(subject, config, like):
    """What LTX-2's pipeline hands the transformer, of one video of 24 frames a second with its sound."""
    height, width, frames = subject["size"]
    frames, height, width, audio = (frames - 1) // 8 + 1, height // 32, width // 32, round(frames / 24 * 25)
    text = [torch.randn(1, subject["text"], config.caption_channels, **like) for _ in range(2)]
    time = torch.tensor([500.0], device=like["device"])
    return {
        "hidden_states": torch.randn(1, frames * height * width, config.in_channels, **like),
        "audio_hidden_states": torch.randn(1, audio, config.audio_in_channels, **like),
        "encoder_hidden_states": text[0], "audio_encoder_hidden_states": text[1], "timestep": time, "sigma": time,
        "num_frames": frames, "height": height, "width": width, "fps": 24.0, "audio_num_frames": audio, "return_dict": False,
    }  # fmt: skip


def of_joint_sequence(subject, model):
    """What Cosmos3's pipeline hands the transformer, of one video of 24 frames a second, without sound."""
    from types import SimpleNamespace

    from diffusers import Cosmos3OmniPipeline as Pipeline

    height, width, frames = subject["size"]
    frames, pipeline = (frames - 1) // 4 + 1, SimpleNamespace(transformer=model, vae_scale_factor_temporal=4)
    latents = torch.randn(1, model.config.latent_channel, frames, height // 16, width // 16, device=model.device)
    text = Pipeline._prepare_text_segment(pipeline, list(range(subject["text"])), model.device)
    length = text["und_len"]
    video = Pipeline._prepare_vision_segment(pipeline, latents, False, text["vision_start_temporal_offset"], 24.0, length,
                                             model.device, [])  # fmt: skip
    names = ["input_ids", "text_indexes", "und_len", "vision_token_shapes", "vision_sequence_indexes",
             "vision_mse_loss_indexes", "vision_noisy_frame_indexes"]  # fmt: skip
    return {name: (text | video)[name] for name in names} | {
        "position_ids": torch.cat([text["text_mrope_ids"], video["vision_mrope_ids"]], 1),
        "sequence_length": length + video["num_vision_tokens"], "vision_tokens": [latents.to(model.dtype)],
        "vision_timesteps": torch.full((video["num_noisy_vision_tokens"],), 500.0, device=model.device),
        "return_dict": False,
    }  # fmt: skip


def inputs(subject, model, side):
    """What a pipeline hands the transformer, of one image."""
    config, tokens = model.config, (side // 16) ** 2
    like = {"device": model.device, "dtype": model.dtype}
    if subject["class"] == "Cosmos3OmniTransformer":
        return of_joint_sequence(subject, model)
    if subject["class"] == "WanTransformer3DModel":
        height, width, frames = subject["size"]
        return {
            "hidden_states": torch.randn(1, config.in_channels, (frames - 1) // 4 + 1, height // 8, width // 8, **like),
            "timestep": torch.tensor([500.0], device=model.device), "return_dict": False,
            "encoder_hidden_states": torch.randn(1, subject["text"], config.text_dim, **like),
        }  # fmt: skip
    if "size" in subject:
        return of_video(subject, config, like)
    arguments = {
        "hidden_states": torch.randn(1, tokens, config.in_channels, **like),
        "encoder_hidden_states": torch.randn(1, subject["text"], config.joint_attention_dim, **like),
        "timestep": torch.tensor([0.5], **like),
        "return_dict": False,
    }
    if subject["class"] == "QwenImageTransformer2DModel":
        return arguments | {"img_shapes": [[(1, side // 16, side // 16)]]}
    rows = torch.arange(side // 16, device=model.device).repeat_interleave(side // 16)
    columns = torch.arange(side // 16, device=model.device).repeat(side // 16)
    zeros = torch.zeros_like(rows)
    if config.guidance_embeds:
        arguments["guidance"] = torch.tensor([3.5], device=model.device)
    text = torch.zeros(subject["text"], 3, device=model.device)
    if subject["class"] == "FluxTransformer2DModel":
        image = torch.stack([zeros, rows, columns], 1)
        arguments["pooled_projections"] = torch.randn(1, config.pooled_projection_dim, **like)
    else:
        image = torch.stack([zeros, rows, columns, zeros], 1)
        text = torch.cat([text, torch.arange(subject["text"], device=model.device)[:, None]], 1)
    return arguments | {"img_ids": image.float(), "txt_ids": text}


def theirs(name, compiled, arguments):
    """The seconds of each step of diffusers, in this process."""
    import diffusers

    subject = SUBJECTS[name]
    with torch.device(arguments.device):
        torch.set_default_dtype(torch.bfloat16)
        model = getattr(diffusers, subject["class"])(**subject["config"], **subject.get("own_config", {})).eval()
        torch.set_default_dtype(torch.float32)
    if compiled:
        model.compile_repeated_blocks(fullgraph=True)
    asked, seconds = inputs(subject, model, arguments.side), []
    with torch.inference_mode():
        for _ in range(arguments.runs + 2):
            start = time.perf_counter()
            model(**asked)
            torch.cuda.synchronize() if arguments.device.startswith("cuda") else None
            seconds.append(time.perf_counter() - start)
    return seconds[2:]


def diffusers(name, how, arguments):
    """The same in a process of its own."""
    command = [sys.executable, __file__, name, "--only", how, "--device", arguments.device, "--side", arguments.side,
               "--runs", arguments.runs]  # fmt: skip
    return json.loads(shared.run(command, 400)[1].splitlines()[-1])


def main():
    parser = shared.argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=list(SUBJECTS))
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--side", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=float, default=560)
    parser.add_argument("--processes", nargs="+", default=["VisualGen", "eager", "compiled"])
    parser.add_argument("--only", choices=["eager", "compiled"], help="one process of diffusers")
    arguments = parser.parse_args()
    if arguments.only:
        print(json.dumps(theirs(arguments.names[0], arguments.only == "compiled", arguments)))
        return
    start = time.perf_counter()
    print("| denoiser | process | median ms of a step | against the first | GB |\n|---|---|---|---|---|", flush=True)
    for name in arguments.names:
        found, memory = {how: [] for how in arguments.processes}, {}
        for _ in range(arguments.rounds):
            for how in found:
                if time.perf_counter() - start > arguments.limit:
                    continue
                try:
                    if how in ("eager", "compiled"):
                        seconds = diffusers(name, how, arguments)
                    else:
                        seconds, memory[how] = ours(name, how if how != "VisualGen" else None, arguments)
                    found[how].append(1000 * statistics.median(seconds))
                except shared.Failure as failure:
                    print(f"{name}, {how}: {failure}", flush=True)
        for how, medians in found.items():
            if medians:
                first = found[arguments.processes[0]]
                ratio = min(medians) / min(first) if first else float("nan")
                figures = f"{', '.join(f'{m:.1f}' for m in medians)} | {ratio:.3f} | {memory.get(how, 0) / 1e9:.2f}"
                print(f"| {name} | {how} | {figures} |", flush=True)


if __name__ == "__main__":
    main()
