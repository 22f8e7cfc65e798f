"""How the scripts see what happens inside a pipeline: functions and modules that note their results."""

import sys

import common  # noqa: F401  (threads and offline mode, before torch's other users)

import numpy as np
import torch


def noted(owner, name, keep):
    """Lets `keep` see the arguments and the result of each call of a function; returns what undoes it."""
    original = getattr(owner, name)
    is_own = name in vars(owner)

    def call(*args, **kwargs):
        result = original(*args, **kwargs)
        keep(args, result)
        return result

    setattr(owner, name, call)
    return lambda: setattr(owner, name, original) if is_own else delattr(owner, name)


class Notes(dict):
    """A dictionary that modules write their outputs to."""

    def __init__(self):
        super().__init__()
        self.hooks = []

    def output(self, module, *names):
        """Notes the output of `module`; a tuple of outputs goes to several names, of which None is left out."""

        def note(_, __, output):
            values = output if isinstance(output, tuple) else (output,)
            for name, value in zip(names, values):
                if name is not None:
                    self[name] = value.detach().clone()

        self.hooks.append(module.register_forward_hook(note))

    def done(self):
        """Removes every hook."""
        for hook in self.hooks:
            hook.remove()


def arguments(asked, names, **others):
    """The keyword arguments of a pipeline for a request: fields that it calls as we do, and others.

    Lists of one prompt stay lists: diffusers treats them like a plain string. One seed makes one generator for the
    whole batch, several make a list of generators.
    """
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in asked["seeds"]]
    return {name: asked[name] for name in names.split()} | {
        "prompt": asked["prompts"],
        "generator": generators[0] if len(generators) == 1 else generators,
    } | others  # fmt: skip


class Recorder:
    """Runs requests through a pipeline and keeps every stage by the names of the trace.

    A family says how its requests become `arguments(asked, latents)`, and what is kept otherwise.
    """

    encoders = ("text_encoder",)
    ids = ("input_ids", "attention_mask")

    def __init__(self, pipe):
        self.pipe, self.trace = pipe, {}

    def keep_noise(self, args, result):
        self.trace["noise"] = result

    def keep_prompts(self, args, result):
        self.trace["negative_prompt_embeds" if "prompt_embeds" in self.trace else "prompt_embeds"] = result[0]

    def keep_latents(self, args, result):
        self.trace["latents.initial"] = result[0] if isinstance(result, tuple) else result

    def keep_step(self, args, result):
        number = sum(key.startswith("noise_pred") for key in self.trace)
        self.trace[f"noise_pred.step{number}"], self.trace[f"latents.step{number}"] = args[0], result[0]

    def keep_decoded(self, args, result):
        self.trace["decoded"] = result[0]

    def keep_ids(self, encoder, given):
        for name in self.ids:
            self.trace.setdefault(f"{name}.{encoder}", given[name])

    def ids_of(self, encoder):
        """Lets `keep_ids` see what a text encoder is given by name; returns what ends it."""

        def see(module, args, kwargs):
            self.keep_ids(encoder, dict(zip(("input_ids", "attention_mask"), args)) | kwargs)

        return getattr(self.pipe, encoder).register_forward_pre_hook(see, with_kwargs=True).remove

    def watch(self):
        """Begins to keep stages; returns what ends it."""
        pipe = self.pipe
        return [
            noted(sys.modules[type(pipe).__module__], "randn_tensor", self.keep_noise),
            noted(pipe, "encode_prompt", self.keep_prompts),
            noted(pipe, "prepare_latents", self.keep_latents),
            noted(pipe.scheduler, "step", self.keep_step),
            noted(pipe.vae, "decode", self.keep_decoded),
            *map(self.ids_of, self.encoders),
        ]

    def outputs(self, result):
        """The bytes of each picture."""
        return [np.asarray(picture) for picture in result.images]

    def run(self, asked, latents=None):
        """The trace of a request; `latents` replaces the noise, in the form that diffusers wants."""
        self.trace = {}
        undo = self.watch()
        try:
            result = self.pipe(**self.arguments(asked, latents), output_type="pil")
        finally:
            for action in undo:
                action()
        self.trace["output"] = torch.from_numpy(np.stack(self.outputs(result)))
        self.trace["timesteps"], self.trace["sigmas"] = self.pipe.scheduler.timesteps, self.pipe.scheduler.sigmas
        return self.trace
