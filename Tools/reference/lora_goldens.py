"""Writes loras/<family>-<case>.safetensors, files as people have them, and loras/expected.safetensors.

`<family>-<case>/<component>/<key>` of the latter is the weight that the file leads to times a vector: x_j = ((37 j + 11)
mod 101) / 101 - 1 / 2, summed in float64, for each row of the weight, whose other axes are one. Its metadata `cases` says of
each case which model it is for, what the user says of the file, and what diffusers makes of it. The last is found here, by
`load_lora_weights` and `fuse_lora` in float32, and must be what `lora_cases.py` says. Cosmos3's pipeline has neither: there
it is the transformer's own `load_lora_adapter`.

Needs peft 0.19.1 besides requirements.txt.
"""

import json
import warnings

import common

import diffusers
import torch
import transformers

import lora_cases

FOLDER = common.GOLDENS / "loras"
# No file is farther from its formula than this where diffusers is right.
CLOSE = 2e-6


def projected(weight):
    rows = weight.reshape(len(weight), -1)
    x = torch.tensor([((37 * j + 11) % 101) / 101 - 0.5 for j in range(rows.shape[1])], dtype=torch.float64)
    return rows @ x


def verdict(case, path):
    """What diffusers makes of a file."""
    pipeline = diffusers.DiffusionPipeline.from_pretrained(common.CHECKPOINTS / case.model, torch_dtype=torch.float32)
    module = getattr(pipeline, case.component)
    before = {key: value.clone() for key, value in module.state_dict().items()}
    more = {"load_into_transformer_2": True} if case.component == "transformer_2" else {}
    scale = case.plan.get("scale", 1.0)
    try:
        if hasattr(pipeline, "load_lora_weights"):
            pipeline.load_lora_weights(str(path), **more)
            pipeline.fuse_lora(components=[case.component], lora_scale=scale)
            pipeline.unload_lora_weights()
        else:
            module.load_lora_adapter(str(path))
            module.fuse_lora(lora_scale=scale)
            module.unload_lora()
    except Exception as error:
        return "error", f"{type(error).__name__}: {error}".splitlines()[0][:100]
    after = module.state_dict()
    # For LoKr of joint projections diffusers joins the model's.
    for key in [key for key in after if ".to_qkv." in key]:
        names = ("to_q", "to_k", "to_v")
        after |= {key.replace("to_qkv", name): part for name, part in zip(names, after[key].chunk(3))}
    # transformers 5 names CLIP's parts without `text_model`.
    names = {key: key if key in after else key.removeprefix("text_model.") for key in case.base}
    names = {key: name for key, name in names.items() if name in after and name in before}
    if all(torch.equal(after[name], before[name]) for name in names.values()):
        return "nothing", ""
    distance = 0.0
    for key, name in names.items():
        expected = case.expected.get(f"{case.component}/{key}", case.base[key])
        distance = max(distance, (after[name].double() - expected).abs().max().item())
    return ("right" if distance < CLOSE else "wrong"), f"{distance:.1e}"


def main():
    warnings.filterwarnings("ignore")
    diffusers.utils.logging.set_verbosity(50)
    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity(50)
    transformers.utils.logging.disable_progress_bar()
    expected, cases, faults = {}, {}, []
    for case in lora_cases.all_cases():
        name = f"{case.family}-{case.name}"
        path = FOLDER / f"{name}.safetensors"
        common.save_tensors(path, case.tensors, case.metadata or {"format": "pt"})
        found, told = verdict(case, path)
        print(f"{name:32} {found:8} {told}", flush=True)
        if found != case.diffusers:
            faults.append(f"{name}: {found}, not {case.diffusers}")
        for key, weight in case.expected.items():
            if key not in case.unused:
                expected[f"{name}/{key}"] = projected(weight).float()
        cases[name] = {"model": case.model, "diffusers": found, **case.plan}
    common.save_tensors(FOLDER / "expected.safetensors", expected, {"cases": json.dumps(cases)} | common.versions())
    if faults:
        raise SystemExit("\n".join(faults))


if __name__ == "__main__":
    main()
