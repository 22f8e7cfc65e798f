"""The requests that Cosmos3's goldens answer, and how one is run through diffusers with every stage recorded."""

import common

import torch
from diffusers import Cosmos3OmniPipeline

FOLDER = common.GOLDENS / "cosmos3" / "pipelines"


def load(model, dtype=torch.float32):
    """The pipeline of a checkpoint, silent."""
    pipe = Cosmos3OmniPipeline.from_pretrained(
        common.CHECKPOINTS / model, dtype=dtype, local_files_only=True, enable_safety_checker=False
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe
