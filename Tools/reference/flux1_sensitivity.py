"""Prints how much each golden depends on what it should depend on, and how much of it is rounding.

For each case: the largest change of `decoded` when one thing of the request or one layer of the model changes, and the
distance of a float64 run (the noise floor). Exits with an error when a change is below 0.02.
"""

import argparse
import sys

import common  # noqa: F401

from exact import closeness
from flux1_cases import CASES, Recorder, load, request
from flux1_exact import Exact
from sensitivity import REPLACEMENT, change, enlarged, other_timestep

THRESHOLD = 0.02


def changed_requests(asked, guided):
    """Name and request of each change that must be visible."""
    count = len(asked["prompts"])
    yield "seed", asked | {"seeds": [asked["seeds"][0] ^ 1, *asked["seeds"][1:]]}
    clip_only = {"prompts": [REPLACEMENT] * count, "prompt_2": asked["prompt_2"] or asked["prompts"]}
    if all(clip_only["prompt_2"]):
        yield "prompt (pooled)", asked | clip_only
    yield "prompt (T5)", asked | {"prompt_2": [REPLACEMENT] * count}
    if guided:
        yield "guidance + 0.1", asked | {"guidance_scale": asked["guidance_scale"] + 0.1}
    if asked["negative_prompt"] and asked["true_cfg_scale"] > 1:
        yield "negative prompt", asked | {"negative_prompt": [REPLACEMENT]}
        yield "true cfg + 0.5", asked | {"true_cfg_scale": asked["true_cfg_scale"] + 0.5}
    if asked["sigmas"]:
        yield "last sigma", asked | {"sigmas": [*asked["sigmas"][:-1], asked["sigmas"][-1] * 0.5]}
    if asked["max_sequence_length"] <= 32 and asked["height"] > 8 and any(asked["prompts"][0]):
        yield "length - 1", asked | {"max_sequence_length": asked["max_sequence_length"] - 1}


def layers(pipe):
    """Name and module of each layer whose weights are scaled by 1.25 to see whether it counts."""
    yield from ((f"clip {n}", layer) for n, layer in enumerate(pipe.text_encoder.encoder.layers))
    yield from ((f"t5 {n}", layer) for n, layer in enumerate(pipe.text_encoder_2.encoder.block))
    yield from ((f"double {n}", block) for n, block in enumerate(pipe.transformer.transformer_blocks))
    yield from ((f"single {n}", block) for n, block in enumerate(pipe.transformer.single_transformer_blocks))
    yield "vae mid", pipe.vae.decoder.mid_block
    yield from ((f"vae up {n}", block) for n, block in enumerate(pipe.vae.decoder.up_blocks))


def largest(trace):
    """The largest latent of a run."""
    return max(trace[key].abs().max().item() for key in trace if key.startswith("latents."))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", help="which cases to look at; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    pipes = {model: load(model) for model in sorted({request(case)["model"] for case in cases})}
    doubles = {model: Exact(model) for model in pipes}
    weak, floors = [], {"decoded": 0.0, "latents": 0.0}
    for case in cases:
        asked = request(case)
        pipe = pipes[asked["model"]]
        golden = Recorder(pipe).run(asked)
        changes = {}
        for name, other in changed_requests(asked, pipe.transformer.config.guidance_embeds):
            changes[name] = change(Recorder(pipe).run(other), golden)
        for name, module in layers(pipe):
            with enlarged(module):
                changes[name] = change(Recorder(pipe).run(asked), golden)
        calls_per_step = 2 if "negative_prompt_embeds" in golden else 1
        for step in range(len(golden["timesteps"])):
            with other_timestep(pipe.transformer, step, calls_per_step):
                changes[f"time {step}"] = change(Recorder(pipe).run(asked), golden)
        double = doubles[asked["model"]].run(asked, golden["latents.initial"])
        floor = {"decoded": closeness(double["decoded"], golden["decoded"])}
        floor["latents"] = max(closeness(double[key], golden[key]) for key in golden if key.startswith("latents.step"))
        floors = {key: max(floors[key], floor[key]) for key in floors}
        print(f"{case}\n    float64: decoded {floor['decoded']:.1e}, latents {floor['latents']:.1e}")
        print(f"    decoded {golden['decoded'].abs().max():.1f}, latents {largest(golden):.1f} at most")
        print("    " + ", ".join(f"{name} {value:.3f}" for name, value in changes.items()))
        weak += [f"{case}: {name}" for name, value in changes.items() if value < THRESHOLD]
    print(f"noise floor: decoded {floors['decoded']:.1e}, latents {floors['latents']:.1e}")
    if weak:
        sys.exit("too weak: " + "; ".join(weak))


if __name__ == "__main__":
    main()
