"""Joint training of demo-video's text encoder and transformer by flow matching."""

import torch
import torch.nn.functional as F

import data
import video_data
import video_models
import video_reading
import video_text
import video_wan
from graphs import Step
from optim import FlatAdam
from reading import lesson_loss

LESSON_WEIGHT = 0.02
LENGTHS = (64, 512)  # text lengths; most batches have the longest, a pipeline's own choice
LONGEST_SHARE = 0.7


class FlowTrainer:
    """Draws batches of cached latents and captions, some empty, and learns the velocity: noise minus latents."""

    warm_up = 500

    def __init__(self, parts, clips, batch, generator, peak_rate):
        self.peak_rate, self.clips, self.generator = peak_rate, clips, generator
        self.umt5, self.transformer, self.head = (parts[name] for name in ("text_encoder", "transformer", "head"))
        self.optimiser = FlatAdam([self.umt5, self.transformer, self.head])
        self.attention = video_wan.CrossAttention()
        for block in self.transformer.blocks:
            block.attn2.set_processor(self.attention)
        device = generator.device
        self.empty = torch.full((video_text.LENGTH,), video_text.PAD, device=device)
        self.empty[0] = video_text.END
        self.chosen, self.wording = (torch.zeros(batch, dtype=torch.long, device=device) for _ in range(2))
        self.uniform = torch.zeros(batch, 4, device=device)
        self.noise = torch.zeros(batch, *clips.latents.shape[1:], device=device)
        self.learn = Step("flow", self._body)

    def _body(self):
        uniform, shift = self.uniform, video_models.FLOW_SHIFT
        latents = self.clips.latents[self.chosen].float()
        sigmas = shift * uniform[:, 0] / (1 + (shift - 1) * uniform[:, 0])
        noised = latents + sigmas.view(-1, 1, 1, 1, 1) * (self.noise - latents)
        times = (sigmas * video_models.TRAIN_TIMESTEPS).floor().clamp(max=video_models.TRAIN_TIMESTEPS - 1)
        empty = uniform[:, 1:2] < data.EMPTY_SHARE
        ids = torch.where(empty, self.empty, self.clips.ids[self.chosen, self.wording].long())
        hidden, mask = video_reading.read(self.umt5, ids)
        short, long = LENGTHS
        lengths = torch.where(uniform[:, 2] < LONGEST_SHARE, long, short + (long - short) * uniform[:, 3])
        self.attention.logits = video_wan.zero_logits(mask, lengths).to(hidden.dtype)
        velocity = self.transformer(
            hidden_states=noised.to(self.transformer.dtype),
            timestep=times,
            encoder_hidden_states=hidden,
            return_dict=False,
        )[0]
        loss = F.mse_loss(velocity.float(), self.noise - latents)
        guessed = video_reading.guess(self.head, hidden, mask)
        lesson = lesson_loss(guessed, self.clips.labels[self.chosen], ~empty[:, 0])
        self.optimiser.follow(loss + LESSON_WEIGHT * lesson)
        return loss.detach()

    def step(self, progress, number):
        self.chosen.random_(len(self.clips), generator=self.generator)
        self.wording.random_(video_data.CAPTIONS, generator=self.generator)
        self.uniform.uniform_(generator=self.generator)
        self.noise.normal_(generator=self.generator)
        return "", self.learn()
