"""Joint training of the text encoders and the transformer by flow matching."""

import random
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F
from diffusers import FluxPipeline

import check
import data
import generate
import models
import reading
import text
from graphs import Step
from journal import log
from optim import FlatAdam

# Bucket, number of T5 tokens, and how often batches are of this kind early and late in training.
KINDS = (
    (0, text.T5_LENGTH, 0.76, 0.20),
    (1, text.T5_LENGTH, 0.12, 0.34),
    (2, text.T5_LENGTH, 0.01, 0.08),
    (3, text.T5_LENGTH, 0.01, 0.08),
    (0, 512, 0.06, 0.05),
    (1, 512, 0.04, 0.25),
)
NOISE_SHIFT = 2.0  # above 1: more of the high noise levels, where the prompt decides what the image becomes
LESSON_WEIGHT = 0.02


class FlowTrainer:
    """Draws batches of cached latents and captions, some empty, and learns the velocity: noise minus latents.

    A transformer that is ``trained`` already goes on with the late mix of batches.
    """

    warm_up = 500

    def __init__(self, parts, tokenizers, buckets, batch_tokens, generator, peak_rate, trained):
        self.peak_rate = peak_rate
        self.mixed_by = 0 if trained else 0.8  # the progress at which the mix is the late one
        self.clip, self.t5 = parts["text_encoder"], parts["text_encoder_2"]
        self.transformer, self.heads = parts["transformer"], parts["heads"]
        self.buckets, self.generator = buckets, generator
        self.optimiser = FlatAdam([self.clip, self.t5, self.transformer, self.heads])
        self.random = random.Random(3)
        padding = {"padding": "max_length", "return_tensors": "pt"}
        lengths = (text.CLIP_LENGTH, text.T5_LENGTH)
        self.empty = [
            tokenizer("", max_length=length, **padding).input_ids[0].to(generator.device)
            for tokenizer, length in zip(tokenizers, lengths)
        ]
        self.images = 0
        self.draws, self.steps = [], []
        for index, length, _, _ in KINDS:
            bucket = buckets[index]
            size = f"{bucket.height}x{bucket.width}/{length}"
            tokens = bucket.height * bucket.width // 256
            draw = self._buffers(max(1, batch_tokens // (tokens + length)), tokens)
            self.draws.append((size, bucket, *draw))
            self.steps.append(Step(f"flow {size}", self._body(bucket, length, *draw)))

    def _buffers(self, count, tokens):
        device = self.generator.device
        scene, wording = (torch.zeros(count, dtype=torch.long, device=device) for _ in range(2))
        return scene, wording, torch.zeros(count, 2, device=device), torch.zeros(count, tokens, 64, device=device)

    def _body(self, bucket, length, scene, wording, uniform, noise):
        rows, columns = bucket.height // 16, bucket.width // 16
        image_ids = FluxPipeline._prepare_latent_image_ids(len(scene), rows, columns, noise.device, noise.dtype)
        text_ids = torch.zeros(length, 3, device=noise.device)

        def body():
            latents = bucket.latents[scene].float()
            latents = FluxPipeline._pack_latents(latents, *latents.shape)
            sigmas = NOISE_SHIFT * uniform[:, 0] / (1 + (NOISE_SHIFT - 1) * uniform[:, 0])
            noised = latents + sigmas[:, None, None] * (noise - latents)
            empty = uniform[:, 1:] < data.EMPTY_SHARE
            clip_ids = torch.where(empty, self.empty[0], bucket.clip_ids[scene, wording].long())
            t5_ids = torch.where(empty, self.empty[1], bucket.t5_ids[scene, wording].long())
            t5_ids = data.pad_ids(t5_ids, length, self.t5.config.pad_token_id)
            hidden = self.t5(input_ids=t5_ids)[0]
            pooled = self.clip(input_ids=clip_ids).pooler_output
            velocity = self.transformer(
                hidden_states=noised.to(self.transformer.dtype),
                timestep=sigmas,
                encoder_hidden_states=hidden,
                pooled_projections=pooled,
                txt_ids=text_ids,
                img_ids=image_ids,
                return_dict=False,
            )[0]
            loss = F.mse_loss(velocity.float(), noise - latents)
            guessed = reading.guesses(self.heads, t5_ids, self.t5.config.eos_token_id, pooled, hidden)
            lesson = reading.lesson_loss(guessed, bucket.labels[scene], ~empty[:, 0])
            self.optimiser.follow(loss + LESSON_WEIGHT * lesson)
            return loss.detach()

        return body

    def step(self, progress, number):
        late = min(1, progress / self.mixed_by) if self.mixed_by else 1
        weights = [early + late * (last - early) for _, _, early, last in KINDS]
        kind = self.random.choices(range(len(KINDS)), weights)[0]
        size, bucket, scene, wording, uniform, noise = self.draws[kind]
        scene.random_(len(bucket), generator=self.generator)
        wording.random_(data.CAPTIONS, generator=self.generator)
        uniform.uniform_(generator=self.generator)
        noise.normal_(generator=self.generator)
        self.images += len(scene)
        return size, self.steps[kind]()


def score(parts, tokenizers, settings, count, batch):
    """Draw images of held-out prompts with diffusers' pipeline and log how many are right."""
    pipeline = FluxPipeline(
        scheduler=models.build_scheduler(),
        tokenizer=tokenizers[0],
        tokenizer_2=tokenizers[1],
        **{name: parts[name] for name in ("vae", "text_encoder", "text_encoder_2", "transformer")},
    )
    pipeline.set_progress_bar_config(disable=True)
    prompts = check.make_prompts(count, seed=2)
    texts = [entry["prompt"] for entry in prompts]
    for size, steps, length in settings:
        with tempfile.TemporaryDirectory() as folder:
            generate.generate(pipeline, texts, Path(folder), size, size, steps, length, 0, batch)
            result = check.score(folder, prompts)
        log(f"score {size}x{size}, {steps} steps, {length} tokens: right {result['right']} {result['shares']}")
