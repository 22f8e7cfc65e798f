"""One request for each family through a pipeline whose transformer is another: a quantised one, or ModelOpt's own."""

import common  # noqa: F401

import torch

import flux1_cases
import flux1_exact
import flux2_cases
import flux2_exact
import qwen_image_cases
import qwen_image_exact
import wan_cases

SMALL = {"height": 32, "width": 32, "seeds": [21]}
REQUESTS = {
    "flux1": flux1_cases.DEFAULTS | SMALL,
    "flux2": flux2_cases.DEFAULTS | SMALL,
    "qwen-image": qwen_image_cases.DEFAULTS | SMALL | {"negative_prompt": ["blurry"]},
    "wan": wan_cases.DEFAULTS | {"width": 16, "seeds": [21]},
}
# By family: the recorder and the loader, the pipeline in float64, and what noise is called that it takes.
KINDS = {
    "flux1": (flux1_cases, flux1_exact.Exact, "latents.initial"),
    "flux2": (flux2_cases, flux2_exact.Exact, "noise"),
    "qwen-image": (qwen_image_cases, qwen_image_exact.Exact, "latents.initial"),
}


class Requests:
    """A family's request, from noise in float32. Wan's pipeline is float32 but for the products of its transformer."""

    def __init__(self, family):
        self.family, self.asked = family, REQUESTS[family]
        self.last = f"latents.step{self.asked['num_inference_steps'] - 1}"
        if family == "wan":
            self.dtype, self.noise_name = torch.float32, "latents.initial"
            self.noise = wan_cases.Recorder(wan_cases.load(self.asked)).run(self.asked)["latents.initial"]
        else:
            self.dtype = torch.float64
            self.cases, self.exact, self.noise_name = KINDS[family]
            recorder = self.cases.Recorder(self.cases.load(self.asked["model"]))
            self.noise = recorder.run(self.asked)[self.noise_name]

    def run(self, transformer):
        """The trace with a transformer of `dtype`."""
        if self.family != "wan":
            return self.exact(self.asked["model"], transformer=transformer).run(self.asked, self.noise)
        return self.run_plainly(transformer)

    def run_plainly(self, transformer):
        """The trace with a float32 transformer, as diffusers computes it."""
        if self.family == "wan":
            pipe = wan_cases.load(self.asked)
            pipe.transformer = transformer
            return wan_cases.Recorder(pipe).run(self.asked)
        pipe = self.cases.load(self.asked["model"])
        pipe.transformer = transformer
        return self.cases.Recorder(pipe).run(self.asked, self.noise)
