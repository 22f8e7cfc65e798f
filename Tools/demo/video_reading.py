"""A first lesson for demo-video's text encoder: tell from a caption what the scene is, as :mod:`reading` explains."""

import torch
from torch import nn

import video_data
import video_text
from graphs import Step
from journal import log
from optim import FlatAdam
from reading import lesson_loss


def build_head(umt5):
    """A linear reader of the end-of-sequence token."""
    return nn.Linear(umt5.config.d_model, sum(video_data.LABEL_CLASSES))


def read(umt5, ids):
    """What the transformer gets to see of token ids: hidden states, zero after the prompt, and the prompt's mask."""
    mask = ids != video_text.PAD
    far = torch.finfo(umt5.dtype).min
    logits = torch.where(mask, 0, far).to(umt5.dtype)[:, None, None].expand(-1, 1, ids.shape[1], -1)
    hidden = umt5(input_ids=ids, attention_mask=logits)[0]
    return hidden * mask[..., None], mask


def guess(head, hidden, mask):
    """The head's logits, one tensor per label, as the only of :func:`reading.lesson_loss`'s readers."""
    last = hidden[torch.arange(len(hidden), device=hidden.device), mask.sum(dim=1) - 1]
    return [head(last).float().split(video_data.LABEL_CLASSES, dim=1)]


class ReadingTrainer:
    """Trains the text encoder on random captions."""

    peak_rate = 1e-3
    warm_up = 500

    def __init__(self, umt5, head, clips, batch, generator):
        self.umt5, self.head, self.clips, self.generator = umt5, head, clips, generator
        self.optimiser = FlatAdam([umt5, head])
        self.chosen, self.wording = (torch.zeros(batch, dtype=torch.long, device=clips.ids.device) for _ in range(2))
        self.learn = Step("reading", self._body)

    def _guess(self, ids):
        return guess(self.head, *read(self.umt5, ids.long()))

    def _body(self):
        guessed = self._guess(self.clips.ids[self.chosen, self.wording])
        loss = lesson_loss(guessed, self.clips.labels[self.chosen])
        self.optimiser.follow(loss)
        return loss.detach()

    def step(self, progress, number):
        self.chosen.random_(len(self.clips), generator=self.generator)
        self.wording.random_(video_data.CAPTIONS, generator=self.generator)
        return "", self.learn()

    @torch.no_grad()
    def measure(self, held_out):
        """Log the share of captions of held-out scenes that are read wholly right."""
        guessed = self._guess(held_out.ids[:, 1])[0]
        hits = [logits.argmax(dim=1) == truth for logits, truth in zip(guessed, held_out.labels.long().unbind(dim=1))]
        log(f"reading, held-out scenes, wholly right: {torch.stack(hits).all(dim=0).float().mean().item():.3f}")
