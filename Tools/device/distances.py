"""How far bfloat16 runs of a checkpoint are from diffusers' float32 run of the same weights, noise and prompt.

    python distances.py flux /tmp/flux --device cuda

Random weights say little about images; the figures show that both engines compute the same thing at the published
size.
"""

import tempfile
from pathlib import Path

import shared
import subjects

shared.use("reference")

import torch
from safetensors.torch import load_file

import flux1_cases
import wan_cases

SMALL = {
    "flux": {"height": 256, "width": 256, "num_inference_steps": 2},
    "wan": {"height": 256, "width": 256, "num_frames": 9, "num_inference_steps": 2},
}


class Theirs:
    """diffusers with a checkpoint, first in bfloat16 and then, with the same weights, in float32."""

    def __init__(self, family, checkpoint, asked, device):
        names = {"prompt": "prompts", "seed": "seeds"}
        listed = {new: [asked[old]] for old, new in names.items()} | {"model": str(checkpoint.resolve())}
        self.request = {name: value for name, value in asked.items() if name not in names} | listed
        if family == "flux":
            self.request = flux1_cases.DEFAULTS | self.request
            pipe = flux1_cases.load(self.request["model"], torch.bfloat16)
            self.recorder = flux1_cases.Recorder(pipe.to(device))
        else:
            self.request = wan_cases.DEFAULTS | self.request
            self.recorder = wan_cases.Recorder(wan_cases.load(self.request, torch.bfloat16).to(device))

    def run(self):
        with torch.inference_mode():
            return host(self.recorder.run(self.request))

    def widen(self):
        """To float32."""
        for component in self.recorder.pipe.components.values():
            if isinstance(component, torch.nn.Module):
                component.float()


def host(trace):
    return {name: value.cpu() for name, value in trace.items()}


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("family", choices=subjects.SUBJECTS)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    subjects.add_request(parser)
    arguments = parser.parse_args()
    small = SMALL[arguments.family] if arguments.scale == "whole" else {}
    asked = subjects.request(arguments.family, arguments)
    asked |= {name: value for name, value in small.items() if getattr(arguments, name) is None}
    with tempfile.TemporaryDirectory() as folder:
        options = ["--model", arguments.checkpoint.resolve(), *subjects.options(asked)]
        output = subjects.SUBJECTS[arguments.family]["output"]
        _, _, path = shared.generate(
            arguments.program, arguments.device, "bfloat16", options, Path(folder), output, trace=True
        )
        ours = load_file(path)
    engine = Theirs(arguments.family, arguments.checkpoint, asked, arguments.device)
    theirs = engine.run()
    engine.widen()
    exact = engine.run()
    last = f"latents.step{len(exact['timesteps']) - 1}"
    figures = {
        key: {
            "visualgen": shared.relative(ours[key], exact[key]),
            "diffusers": shared.relative(theirs[key], exact[key]),
            "between": shared.relative(ours[key], theirs[key]),
        }
        for key in ("prompt_embeds", "noise", "noise_pred.step0", last, "decoded")
    }
    title = subjects.SUBJECTS[arguments.family]["title"]
    print(f"{title}, bfloat16, distance from diffusers' float32 on {arguments.device}")
    rows = [[key, *(f"{value:.2e}" for value in row.values())] for key, row in figures.items()]
    print(shared.table(["", "VisualGen", "diffusers", "one from the other"], rows))
    shared.write(arguments.json, figures)


if __name__ == "__main__":
    shared.start(main)
