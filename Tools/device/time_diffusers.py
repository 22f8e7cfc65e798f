"""One process of diffusers with a checkpoint: seconds until it is ready, to the first result, of a step; memory.

    python time_diffusers.py flux /tmp/flux --device cuda --json eager.json
    python time_diffusers.py flux /tmp/flux --device cuda --compile whole
    python time_diffusers.py flux /tmp/flux --device cuda --profile FOLDER     # traces for kernels.py

Steps are timed on the device (events at the end of each; nothing waits within a run), so the first step, which has no
beginning, is not among them. Wan's autoencoder stays in float32, as its users are told to have it.
"""

import time

START = time.time()

import statistics
import traceback
from pathlib import Path

import shared
import subjects

import torch


class Clock:
    """Moments on a device."""

    def __init__(self, device):
        self.on_device = torch.device(device).type == "cuda"

    def mark(self):
        if not self.on_device:
            return time.perf_counter()
        event = torch.cuda.Event(enable_timing=True)
        event.record()
        return event

    def seconds(self, marks):
        """Between neighbouring marks; the device must have come past them."""
        pairs = zip(marks, marks[1:])
        return [a.elapsed_time(b) / 1000 if self.on_device else b - a for a, b in pairs]

    def now(self):
        """The time when the device has done all it was given."""
        if self.on_device:
            torch.cuda.synchronize()
        return time.perf_counter()


def load(family, folder, dtype, device, mapped):
    """The pipeline with its weights on the device."""
    from diffusers import AutoencoderKLWan, FluxPipeline, WanPipeline

    extra = {"device_map": device} if mapped else {}
    if family == "flux":
        pipe = FluxPipeline.from_pretrained(folder, dtype=dtype, **extra)
    else:
        vae = AutoencoderKLWan.from_pretrained(folder / "vae", dtype=torch.float32)
        pipe = WanPipeline.from_pretrained(folder, vae=vae, dtype=dtype, **extra)
        pipe.vae.to(device)
    if not mapped:
        pipe.to(device)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def compile(pipe, how):
    """Compiles the transformer in place; the work is done in its first call."""
    if how == "whole":
        pipe.transformer.compile(fullgraph=True)
    elif how == "blocks":
        pipe.transformer.compile_repeated_blocks(fullgraph=True)


def generate(pipe, asked, clock, output_type="np"):
    """One generation: its pixels, and the seconds of all of it and of its stages."""
    marks, stages = [], {}

    def stage(owner, name, key):
        original = getattr(owner, name)

        def call(*args, **kwargs):
            start = clock.now()
            result = original(*args, **kwargs)
            stages[key] = stages.get(key, 0) + clock.now() - start
            return result

        setattr(owner, name, call)
        return lambda: setattr(owner, name, original)

    def step(pipe, number, timestep, values):
        marks.append(clock.mark())
        return values

    undo = [stage(pipe, "encode_prompt", "text"), stage(pipe.vae, "decode", "decode")]
    start = clock.now()
    try:
        result = pipe(**subjects.arguments(asked), callback_on_step_end=step, output_type=output_type)
    finally:
        for action in undo:
            action()
    total = clock.now() - start
    pixels = result.images if asked["num_frames"] is None else result.frames
    return pixels, {"seconds": total, "steps": clock.seconds(marks), "text": 0.0, "decode": 0.0} | stages


def measure(pipe, asked, clock, runs):
    """The figures of some runs, the first of which warms up."""
    results = []
    for number in range(runs):
        pixels, figures = generate(pipe, asked, clock)
        if number == 0:
            figures["finished"] = time.time() - START
        results.append(figures)
    later = results[1:] or results
    steps = [seconds for figures in later for seconds in figures["steps"]]
    return {
        "first": results[0]["finished"], "first_generation": results[0]["seconds"],
        "generation": statistics.median(figures["seconds"] for figures in later),
        "step": statistics.median(steps) if steps else None, "steps": steps,
        "text": later[-1]["text"], "decode": later[-1]["decode"], "first_decode": results[0]["decode"], "runs": results,
    }  # fmt: skip


def profile(pipe, asked, clock, folder):
    """Kineto's traces of a denoising of one step and of three."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [torch.profiler.ProfilerActivity.CUDA if clock.on_device else torch.profiler.ProfilerActivity.CPU]
    generate(pipe, asked | {"num_inference_steps": 1}, clock, "latent")
    for steps in (1, 3):
        with torch.profiler.profile(activities=kinds) as profiler:
            generate(pipe, asked | {"num_inference_steps": steps}, clock, "latent")
        profiler.export_chrome_trace(str(folder / f"steps-{steps}.json"))


def memory(clock):
    """The most that the device held, in bytes."""
    if not clock.on_device:
        return None
    return {"peak_allocated_bytes": torch.cuda.max_memory_allocated(),
            "peak_reserved_bytes": torch.cuda.max_memory_reserved()}  # fmt: skip


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("family", choices=subjects.SUBJECTS)
    parser.add_argument("checkpoint", type=Path)
    subjects.add_request(parser)
    parser.add_argument("--dtype", default="bfloat16")
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--compile", default="none", choices=["none", "whole", "blocks"], help="the transformer")
    parser.add_argument("--mapped", action="store_true", help="load with device_map, not with to()")
    parser.add_argument("--profile", type=Path, help="a folder for traces, instead of timing")
    arguments = parser.parse_args()
    clock, asked = Clock(arguments.device), subjects.request(arguments.family, arguments)
    dtype = getattr(torch, arguments.dtype)
    pipe = load(arguments.family, arguments.checkpoint, dtype, arguments.device, arguments.mapped)
    clock.now()
    figures = {"engine": "diffusers", "compile": arguments.compile, "ready": time.time() - START, "request": asked}
    compile(pipe, arguments.compile)
    if arguments.profile:
        profile(pipe, asked, clock, arguments.profile)
        return
    try:
        figures |= measure(pipe, asked, clock, arguments.runs)
    except torch._dynamo.exc.TorchDynamoException:
        if arguments.compile == "none":
            raise
        traceback.print_exc()
        torch._dynamo.reset()
        pipe.transformer.compile()
        figures["compile"] = "with graph breaks"
        figures |= measure(pipe, asked, clock, arguments.runs)
    figures["memory"] = memory(clock)
    shared.write(arguments.json, figures)
    print({key: value for key, value in figures.items() if key not in ("runs", "request", "steps")})


if __name__ == "__main__":
    shared.start(main)
