"""Prints how much each golden of Qwen-Image depends on what it should depend on, as `flux2_sensitivity.py` does.

Exits with an error when a change of `decoded` is below 0.01, or rounding above 1e-3.
"""

import argparse
import sys

import common  # noqa: F401

import qwen_image_cases
import qwen_image_edit
import qwen_image_edit_cases
import qwen_image_exact
from exact import closeness
from sensitivity import REPLACEMENT, THRESHOLD, change, enlarged


def changed_requests(asked):
    """Name and request of each change that must be visible."""
    yield "seed", asked | {"seeds": [asked["seeds"][0] ^ 1, *asked["seeds"][1:]]}
    yield "prompt", asked | {"prompts": [REPLACEMENT] * len(asked["prompts"])}
    if asked["negative_prompt"] and asked["true_cfg_scale"] > 1:
        yield "negative prompt", asked | {"negative_prompt": [REPLACEMENT] * len(asked["prompts"])}
        yield "true cfg + 0.5", asked | {"true_cfg_scale": asked["true_cfg_scale"] + 0.5}
    if asked["sigmas"]:
        yield "last sigma", asked | {"sigmas": [*asked["sigmas"][:-1], asked["sigmas"][-1] * 0.5]}
    for number, name in enumerate(asked.get("image", ())):
        other = "even.png" if name == "odd.png" else "odd.png"
        yield f"image {number}", asked | {"image": [*asked["image"][:number], other, *asked["image"][number + 1 :]]}


def layers(pipe, is_edit):
    """Name and module of each layer whose weights are scaled by 1.25 to see whether it counts."""
    model = pipe.text_encoder.model
    yield from ((f"text {n}", layer) for n, layer in enumerate(model.language_model.layers))
    if is_edit:
        yield from ((f"vision {n}", block) for n, block in enumerate(model.visual.blocks))
    yield from ((f"block {n}", block) for n, block in enumerate(pipe.transformer.transformer_blocks))
    yield from ((f"vae up {n}", block) for n, block in enumerate(pipe.vae.decoder.up_blocks))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="which cases to look at; all if none is named; edits begin with edit/")
    every = [*qwen_image_cases.CASES, *(f"edit/{case}" for case in qwen_image_edit_cases.CASES)]
    faults = []
    for case in parser.parse_args().cases or every:
        is_edit = case.startswith("edit/")
        family = qwen_image_edit_cases if is_edit else qwen_image_cases
        exact = qwen_image_edit.Exact if is_edit else qwen_image_exact.Exact
        asked = family.request(case.removeprefix("edit/"))
        pipe = family.load(asked["model"])
        golden = family.Recorder(pipe).run(asked)
        changes = {name: change(family.Recorder(pipe).run(other), golden) for name, other in changed_requests(asked)}
        for name, module in layers(pipe, is_edit):
            with enlarged(module):
                changes[name] = change(family.Recorder(pipe).run(asked), golden)
        floor = closeness(exact(asked["model"]).run(asked, golden["latents.initial"])["decoded"], golden["decoded"])
        print(f"{case}: float64 {floor:.1e}\n    " + ", ".join(f"{n} {v:.3f}" for n, v in changes.items()), flush=True)
        faults += [f"{case}: {name} {value:.3f}" for name, value in changes.items() if value < THRESHOLD]
        faults += [f"{case}: rounding {floor:.1e}"] if floor > 1e-3 else []
    if faults:
        sys.exit("; ".join(faults))


if __name__ == "__main__":
    main()
