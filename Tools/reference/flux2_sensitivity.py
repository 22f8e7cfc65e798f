"""Prints how much each golden of FLUX.2 depends on what it should depend on.

For each case: the largest change of `decoded` when one thing of the request or one layer of the model changes. Exits
with an error when a change is below 0.01 (of the padding 0.001), when something counts that must not (what no state is
taken of, the guidance of a distilled klein), or when a float64 run is further away than 1e-4.
"""

import argparse
import sys

import common  # noqa: F401

from exact import closeness
from flux2_cases import CASES, Recorder, load, request
from flux2_exact import Exact, language_model
from sensitivity import REPLACEMENT, THRESHOLD, change, enlarged, other_timestep

# One token of padding more or less, of up to 512.
LENGTH_THRESHOLD = 0.001


def changed_requests(asked, pipe):
    """Name and request of each change, and whether it must be visible."""
    config = pipe.config
    yield "seed", asked | {"seeds": [asked["seeds"][0] ^ 1, *asked["seeds"][1:]]}, True
    # The system message alone fills six tokens.
    yield "prompt", asked | {"prompts": [REPLACEMENT] * len(asked["prompts"])}, asked["max_sequence_length"] > 6
    is_guided = pipe.transformer.config.guidance_embeds or (
        asked["guidance_scale"] > 1 and not config.get("is_distilled", False)
    )
    yield "guidance + 0.2", asked | {"guidance_scale": asked["guidance_scale"] + 0.2}, (
        is_guided or asked["model"].endswith("base")
    )
    if asked["sigmas"]:
        yield "last sigma", asked | {"sigmas": [*asked["sigmas"][:-1], asked["sigmas"][-1] * 0.5]}, True
    if asked["image"]:
        others = {"even.png": "alpha.png", "odd.png": "even.png", "alpha.png": "odd.png"}
        for number, name in enumerate(asked["image"]):
            images = [*asked["image"][:number], others[name], *asked["image"][number + 1 :]]
            yield f"image {number}", asked | {"image": images}, True
        if len(asked["image"]) > 1:
            yield "order of images", asked | {"image": asked["image"][::-1]}, True
    yield "length - 1", asked | {"max_sequence_length": asked["max_sequence_length"] - 1}, True


def layers(pipe):
    """Name and module of each layer whose weights are scaled by 1.25, and whether it must count."""
    text = language_model(pipe)
    last = len(text.layers) - 1
    yield from ((f"text {n}", text.layers[n], n < last) for n in (0, last // 3, 2 * last // 3, last - 1, last))
    yield from ((f"double {n}", block, True) for n, block in enumerate(pipe.transformer.transformer_blocks))
    yield from ((f"single {n}", block, True) for n, block in enumerate(pipe.transformer.single_transformer_blocks))
    yield "vae mid", pipe.vae.decoder.mid_block, True
    yield from ((f"vae up {n}", block, True) for n, block in enumerate(pipe.vae.decoder.up_blocks))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to look at; all if none is named")
    cases = parser.parse_args().cases or list(CASES)
    pipes = {model: load(model) for model in sorted({request(case)["model"] for case in cases})}
    doubles = {model: Exact(model) for model in pipes}
    faults = []
    for case in cases:
        asked = request(case)
        pipe = pipes[asked["model"]]
        golden = Recorder(pipe).run(asked)
        changes = {name: (change(Recorder(pipe).run(other), golden), counts)
                   for name, other, counts in changed_requests(asked, pipe)}  # fmt: skip
        for name, module, counts in layers(pipe):
            with enlarged(module):
                changes[name] = change(Recorder(pipe).run(asked), golden), counts
        calls_per_step = 2 if "negative_prompt_embeds" in golden else 1
        for step in range(len(golden["timesteps"])):
            with other_timestep(pipe.transformer, step, calls_per_step):
                changes[f"time {step}"] = change(Recorder(pipe).run(asked), golden), True
        double = doubles[asked["model"]].run(asked, golden["noise"])
        floor = closeness(double["decoded"], golden["decoded"])
        print(f"{case}: float64 {floor:.1e}\n    " + ", ".join(f"{n} {v:.3f}" for n, (v, _) in changes.items()))
        for name, (value, counts) in changes.items():
            least = LENGTH_THRESHOLD if name == "length - 1" else THRESHOLD
            if value < least if counts else value > 0:
                faults.append(f"{case}: {name} {value:.3f}")
        faults += [f"{case}: rounding {floor:.1e}"] if floor > 1e-4 else []
    if faults:
        sys.exit("; ".join(faults))


if __name__ == "__main__":
    main()
