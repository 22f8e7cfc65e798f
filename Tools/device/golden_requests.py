"""The goldens of requests in Tests/Goldens: which there are, what they hold, and `visualgen`'s arguments for them."""

import json
import shutil

from safetensors import safe_open
from safetensors.torch import load_file

import shared

DIFFERENT = {"qwen-image/guided-batch-images"}  # on purpose: docs/differences.md
# How inputs are rounded where nothing is asked for: what ModelOpt simulates of a checkpoint is the first of these.
MODES = ("static", "weights", "token")
NUMBERS = """height width num_frames frame_rate num_inference_steps guidance_scale max_sequence_length
    num_images_per_prompt""".split()


def names():
    """The goldens of requests, by their path without extension."""
    for folder in ("flux1", "flux2", "qwen-image", "qwen-image-edit", "wan/pipelines", "ltx2/pipelines", "cosmos3/pipelines"):
        for path in sorted((shared.GOLDENS / folder).glob("*.safetensors")):
            name = f"{folder}/{path.stem}"
            if not path.stem.startswith("components") and name not in DIFFERENT:
                yield name


def quantised_names():
    """The goldens of requests to models whose transformer is quantised."""
    for path in sorted((shared.GOLDENS / "quantised").glob("*.safetensors")):
        if (shared.GOLDENS / "checkpoints/quantised" / path.stem).is_dir():
            yield f"quantised/{path.stem}"


def read(name):
    """A golden's tensors by the names of the trace, and its metadata."""
    path = shared.GOLDENS / f"{name}.safetensors"
    with safe_open(path, "pt") as file:
        tensors, metadata = load_file(path), file.metadata()
    if "checkpoint" in metadata:
        end = next(f".{mode}" for mode in MODES if f"pipeline.latents.step0.{mode}" in tensors)
        tensors = {key.removeprefix("pipeline.").removesuffix(end): value for key, value in tensors.items()
                   if key.startswith("pipeline.") and key.endswith(end)}  # fmt: skip
    return tensors, metadata


def common_options(asked):
    """The arguments that requests of all families have."""
    options = ["--model", f"checkpoints/{asked['model']}"]
    for name, field in (("prompt", "prompts"), ("negative-prompt", "negative_prompt"), ("seed", "seeds")):
        options += [f"--{name}={value}" for value in asked.get(field) or []]
    return options + [f"--{name.replace('_', '-')}={asked[name]}" for name in NUMBERS if asked.get(name) is not None]


def extra_options(values):
    """A family's own arguments."""
    return [word for name, value in values.items() if value is not None for word in ("--extra", f"{name}={json.dumps(value)}")]


def image_options(asked, areas):
    """A request for images as arguments of `visualgen`; `areas` are those that references are resized to."""
    options = common_options(asked)
    options += [f"--image=flux2/pictures/{name}" for name in asked.get("image") or []]
    extra = {name: asked.get(name) for name in "true_cfg_scale prompt_2 negative_prompt_2 sigmas".split()}
    return options + extra_options(extra | {name.lower(): area for name, area in areas.items()})


def video_options(asked):
    """A request for videos as arguments of `visualgen`."""
    shared.use("reference")
    from wan_cases import command

    return command(asked)


def sound_options(asked):
    """A request for videos with sound, to LTX-2 or Cosmos3, as arguments of `visualgen`."""
    words = common_options(asked)
    if asked["image"] is not None:
        words.append(f"--image=wan/pictures/{asked['image']}")
    if asked.get("upsampler") is not None:
        words += ["--pipeline-config", json.dumps({"spatial_upsampler_path": f"checkpoints/{asked['upsampler']}"})]
    known = {"model", "prompts", "negative_prompt", "seeds", "image", "upsampler", "scheduler", *NUMBERS}
    extra = {name: value for name, value in asked.items() if name not in known}
    if asked["model"].startswith("ltx2"):
        extra["image_crf"] = 0
    return words + extra_options(extra)


def changed_model(asked, folder):
    """The checkpoint of a request to LTX-2 or Cosmos3: a distilled one has another's weights, and a case may change the scheduler."""
    model, changes = asked["model"], asked["scheduler"]
    is_distilled = model == "cosmos3-tiny-distilled"
    if not changes and not is_distilled:
        return None
    checkpoints = shared.GOLDENS / "checkpoints"
    copy = shutil.copytree(checkpoints / ("cosmos3-tiny-super" if is_distilled else model), folder / "model")
    if is_distilled:
        shutil.copytree(checkpoints / model, copy, dirs_exist_ok=True)
    path = copy / "scheduler/scheduler_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return copy


def options(metadata, folder):
    """The arguments of a golden; what is not the checkpoint's own goes into a copy of the checkpoint."""
    asked = json.loads(metadata["request"])
    if asked["model"].startswith(("ltx2", "cosmos3")):
        copy, words = changed_model(asked, folder), sound_options(asked)
        return words if copy is None else ["--model", str(copy), *words[2:]]
    if "command" in metadata:
        result = json.loads(metadata["command"])
    elif "num_frames" in asked:
        result = video_options(asked)
    else:
        result = image_options(asked, json.loads(metadata.get("areas", "{}")))
    scheduler, quantised = asked.get("scheduler"), metadata.get("checkpoint")
    if scheduler is None and quantised is None:
        return result
    copy = shutil.copytree(shared.GOLDENS / result[1], folder / "model")
    if quantised is not None:
        shutil.rmtree(copy / "transformer")
        shutil.copytree(shared.GOLDENS / quantised, copy / "transformer")
    if scheduler is not None:
        index = json.loads((copy / "model_index.json").read_text())
        index["scheduler"] = ["diffusers", scheduler.pop("_class_name")]
        (copy / "model_index.json").write_text(json.dumps(index))
        (copy / "scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    return [result[0], str(copy), *result[2:]]
