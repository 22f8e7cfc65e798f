"""Loads FLUX.2's pipelines so that what they compute does not depend on the processor, as `flux1_exact.py` does.

Fixed to float32 are here the sigmas and timesteps, the timestep and the guidance with their sinusoids, the rotary
tables, and the text encoder's rotary angles with their frequencies, whose powers are correctly rounded too.
"""

import exact
from flux2_cases import Recorder, load


def language_model(pipe):
    """The layers of the text encoder."""
    model = pipe.text_encoder.model
    return getattr(model, "language_model", model)


def fix(mode, transformer):
    """Leaves a transformer what it fixes to float32."""
    mode.fixed(transformer.pos_embed, "forward")
    mode.fixed(transformer.time_guidance_embed.time_proj, "forward")
    mode.rounded_timestep(transformer)


class Exact(exact.Exact):
    """The pipeline of one checkpoint, and its text encoder's angles."""

    recorder, load, fix = Recorder, staticmethod(load), staticmethod(fix)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        text = language_model(self.pipe)
        self.mode.fixed_angles(text.rotary_emb, text.config.rope_parameters["rope_theta"], text.config.head_dim)
