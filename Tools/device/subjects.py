"""The two models of published size: what is asked of them, and how much they compute."""

import json

PROMPT = "a small green triangle above a large blue circle"
FLUX = {"prompt": PROMPT, "height": 1024, "width": 1024, "num_frames": None, "num_inference_steps": 28,
        "guidance_scale": 3.5, "max_sequence_length": 512, "seed": 0}  # fmt: skip
WAN = {"prompt": "a small blue circle moving up", "height": 480, "width": 832, "num_frames": 81,
       "num_inference_steps": 8, "guidance_scale": 5.0, "max_sequence_length": 512, "seed": 0}  # fmt: skip

# Titles, and requests by scale. The tiny one is for trying the scripts without a GPU.
SUBJECTS = {
    "flux": {
        "title": "FLUX.1-dev", "output": "image.png",
        "requests": {"whole": FLUX, "tiny": FLUX | {"height": 64, "width": 64, "num_inference_steps": 3}},
    },
    "wan": {
        "title": "Wan2.1-T2V-1.3B", "output": "video.mp4",
        "requests": {
            "whole": WAN, "tiny": WAN | {"height": 64, "width": 64, "num_frames": 5, "num_inference_steps": 3},
        },
    },
}  # fmt: skip


def add_request(parser):
    """Options that change a request."""
    parser.add_argument("--scale", default="whole", choices=["whole", "tiny"])
    for name in ("height", "width", "num_frames", "num_inference_steps"):
        parser.add_argument(f"--{name.replace('_', '-')}", type=int)


def request(family, arguments):
    """The request of a family with the changes of a command line."""
    asked = SUBJECTS[family]["requests"][arguments.scale]
    return asked | {name: value for name, value in vars(arguments).items() if name in asked and value is not None}


def options(asked):
    """A request as arguments of `visualgen generate`."""
    words = [f"--{name.replace('_', '-')}={value}" for name, value in asked.items() if value is not None]
    return words + (["--negative-prompt="] if asked["num_frames"] else [])


def arguments(asked):
    """A request as arguments of diffusers' pipelines."""
    import torch

    values = {name: value for name, value in asked.items() if value is not None}
    values["generator"] = torch.Generator("cpu").manual_seed(values.pop("seed"))
    return values | ({"negative_prompt": ""} if asked["num_frames"] else {})


def operations(family, checkpoint, asked):
    """Floating point operations of one step: the blocks' products and attention, as `visualgen bench` counts them."""
    config = json.loads((checkpoint / "transformer/config.json").read_text())
    width = config["num_attention_heads"] * config["attention_head_dim"]
    text, image = asked["max_sequence_length"], (asked["height"] // 16) * (asked["width"] // 16)
    if family == "flux":
        tokens, blocks = text + image, config["num_layers"] + config["num_single_layers"]
        return blocks * (2 * tokens * 12 * width**2 + 4 * tokens**2 * width)
    video = image * ((asked["num_frames"] - 1) // 4 + 1)
    products = 2 * width * (video * (6 * width + 2 * config["ffn_dim"]) + text * 2 * width)
    guided = 2 if asked["guidance_scale"] > 1 else 1
    return guided * config["num_layers"] * (products + 4 * width * video * (video + text))
