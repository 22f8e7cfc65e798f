"""Writes Tests/Goldens/quantised: what quantised checkpoints compute, by ModelOpt and by formula in float64.

`<checkpoint>.safetensors` holds linear layers alone (`layers.*`), one call of the transformer (`input.*`, `output.*`),
and a request through the pipeline whose other components are those of the model in the request (`pipeline.*`). A mode
says how inputs of linear layers are rounded: `static` (with the checkpoint's scale), `dynamic` (one scale for a call),
`token`, `block` (1 x 128), `weights` (not at all). `simulated` is ModelOpt's own run, in the type that the checkpoint
was made in.

`floors.json` says how far ModelOpt's run is from the mode that it simulates (`layers`, `output`, `pipeline`), how far a
run of that mode is in which only the products are float64 (`output.float32`, `output.bfloat16`), and how far that mode
is from the model that is not quantised (`quantising`). `moved` is how far each mode moves where the transformer's inputs
change by up to 3e-5, as another run in float32 has them (the largest of six changes): numbers between two quantised
ones then go to the other side.
"""

import argparse
import contextlib
import io
import json

from common import GOLDENS, save_tensors, versions, write_json

import diffusers
import modelopt
import torch

import modelopt_models as models
import quantised_models
from exact import distance
from inputs import draw
from quantised_numbers import INPUTS
from quantised_pipelines import Requests

FOLDER = GOLDENS / "quantised"
DOUBLE, SINGLE = "transformer_blocks.0.", "single_transformer_blocks.0."
LAYERS = {
    "flux1": [DOUBLE + "attn.to_q", DOUBLE + "ff.net.0.proj", DOUBLE + "ff.net.2", "context_embedder"],
    "flux2": [DOUBLE + "ff.linear_out", SINGLE + "attn.to_qkv_mlp_proj"],
    "qwen-image": [DOUBLE + "attn.add_k_proj", DOUBLE + "img_mlp.net.0.proj"],
    "wan": ["blocks.0.attn1.to_k", "blocks.0.ffn.net.0.proj", "blocks.0.ffn.net.2"],
}


def family_of(name):
    """The family of a checkpoint."""
    return next(family for family in LAYERS if name.startswith(family))


def layer_inputs(columns, dtype):
    """Two and three dimensions, with a channel that stands out, a token of zeros, and numbers above static scales.

    Numbers of 16 bits would lie in the middle between two quantised ones too often, where float32 rounds as it likes.
    """
    x = 1.5 * draw(columns, 6, columns)
    x[:, 3] *= 8
    x[4] = 0
    x = x.to(dtype)
    return {"2d": x[:2], "3d": x[2:].reshape(2, 2, columns)}


def layer_goldens(name, simulated, golden, found):
    """Linear layers alone."""
    checkpoint = quantised_models.layers(quantised_models.tensors_of(name))
    for module in LAYERS[family_of(name)]:
        layer = checkpoint[module]
        kind = quantised_models.format_of(layer)
        if kind is None:
            continue
        own = simulated.get_submodule(module)
        for dimensions, x in layer_inputs(own.in_features, own.weight.dtype).items():
            golden[f"layers.input.{own.in_features}.{dimensions}"] = x
            key = f"layers.{module}.{dimensions}"
            modes = list(INPUTS[kind])
            for mode in modes:
                golden[f"{key}.{mode}"] = quantised_models.QuantisedLinear(layer, INPUTS[kind][mode])(x.double())
            if dimensions == "2d" and modes[0] == "token":
                continue  # ModelOpt keeps the number of dimensions of the first call
            golden[f"{key}.simulated"] = own(x)
            found.setdefault("layers", []).append(distance(golden[f"{key}.simulated"], golden[f"{key}.{modes[0]}"]))


def shaken(model, seed):
    """A transformer whose inputs are changed by up to 3e-5 of their numbers, in every call anew."""
    calls = iter(range(1000 * seed, 1000 * (seed + 1), 4))

    def change(_, arguments, named):
        first = next(calls)
        for number, name in enumerate(("hidden_states", "encoder_hidden_states", "pooled_projections")):
            if name in named:
                factor = 1 + 3e-5 * draw(first + number, *named[name].shape).clamp(-1, 1)
                named[name] = named[name] * factor.to(named[name].dtype)
        return arguments, named

    model.register_forward_pre_hook(change, with_kwargs=True, prepend=True)
    return model


def moved(name, mode, asked, requests, output, trace):
    """How far a mode moves."""
    result = {"output": 0.0, "pipeline": 0.0}
    keys = [key for key in trace if key.startswith(("noise_pred", "latents.step"))]
    for seed in range(1, 7):
        model = shaken(quantised_models.quantised(name, mode), seed)
        found = distance(quantised_models.exactly(model, asked), output)["relative_frobenius"]
        other = requests.run(shaken(quantised_models.quantised(name, mode, requests.dtype), seed))
        ways = [distance(other[key], trace[key])["relative_frobenius"] for key in keys]
        result = {"output": max(result["output"], found), "pipeline": max(result["pipeline"], *ways)}
    return result


def transformer_goldens(name, simulated, golden, found):
    """One call of the transformer."""
    base = models.EXPORTS[name][0]
    asked = models.inputs(simulated, 900, batch=1 if name.startswith("wan") else 2)
    golden |= {f"input.{key}": value for key, value in asked.items() if isinstance(value, torch.Tensor)}
    golden["output.simulated"] = simulated(**asked).sample
    wide = models.load_base(base).double()
    asked = {key: value.float() if isinstance(value, torch.Tensor) else value for key, value in asked.items()}
    golden["output.unquantised"] = quantised_models.exactly(wide, asked)
    modes = quantised_models.modes(name)
    for mode in modes:
        golden[f"output.{mode}"] = quantised_models.exactly(quantised_models.quantised(name, mode), asked)
    exact = golden[f"output.{modes[0]}"]
    found["output"] = distance(golden["output.simulated"], exact)
    for dtype in (torch.float32, torch.bfloat16):
        cast = {key: value.to(dtype) if key not in ("timestep", "img_ids", "txt_ids", "img_shapes") else value
                for key, value in asked.items()}  # fmt: skip
        run = quantised_models.quantised(name, modes[0], dtype)(**cast).sample
        found[f"output.{str(dtype).removeprefix('torch.')}"] = distance(run, exact)
    found["quantising"] = distance(golden[f"output.{modes[0]}"], golden["output.unquantised"])
    return asked


def pipeline_goldens(name, simulated, golden, found, asked):
    """A request from noise to the last latents."""
    requests = Requests(family_of(name))
    golden[f"pipeline.{requests.noise_name}"] = requests.noise
    modes = quantised_models.modes(name)
    for mode in modes:
        trace = requests.run(quantised_models.quantised(name, mode, requests.dtype))
        kept = ("noise_pred", "latents.step")
        golden |= {f"pipeline.{key}.{mode}": value for key, value in trace.items() if key.startswith(kept)}
        own = moved(name, mode, asked, requests, golden[f"output.{mode}"], trace)
        found.setdefault("moved", {})[mode] = own
    if simulated.dtype == torch.float32 and simulated.proj_out.weight.dtype == torch.float32:
        golden[f"pipeline.{requests.last}.simulated"] = requests.run_plainly(simulated)[requests.last]
        found["pipeline"] = distance(
            golden[f"pipeline.{requests.last}.simulated"], golden[f"pipeline.{requests.last}.{modes[0]}"]
        )
    return {"request": json.dumps(requests.asked, ensure_ascii=False)}


@torch.no_grad()
def write(name):
    """The golden of a checkpoint; returns its floors."""
    golden, found = {}, {}
    with contextlib.redirect_stdout(io.StringIO()):
        simulated = models.prepared(name)
    layer_goldens(name, simulated, golden, found)
    asked = transformer_goldens(name, simulated, golden, found)
    request = pipeline_goldens(name, simulated, golden, found, asked)
    found["layers"] = {key: max(entry[key] for entry in found["layers"]) for key in found["layers"][0]}
    golden = {key: value.float() if value.dtype == torch.float64 else value for key, value in golden.items()}
    if not all(value.isfinite().all() for value in golden.values()):
        raise SystemExit(f"{name}: not finite")
    path = FOLDER / f"{name}.safetensors"
    metadata = {"checkpoint": f"checkpoints/quantised/{name}", "modelopt": modelopt.__version__} | versions()
    save_tensors(path, golden, metadata | request)
    print(
        f"{name:22} {path.stat().st_size:7} bytes",
        *(f"{key} {value['relative_frobenius']:.1e}" for key, value in found.items() if key != "moved"),
        *(f"{mode} {value['output']:.0e} {value['pipeline']:.0e}" for mode, value in found["moved"].items()),
    )
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="which goldens to write; all if none is named")
    names = parser.parse_args().names
    diffusers.utils.logging.set_verbosity_error()
    diffusers.utils.logging.disable_progress_bar()
    floors = {name: write(name) for name in names or models.EXPORTS}
    if not names:
        write_json(FOLDER / "floors.json", {"versions": versions(), "checkpoints": floors})


if __name__ == "__main__":
    main()
