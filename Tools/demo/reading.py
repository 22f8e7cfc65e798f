"""A first lesson for the text encoders: tell from a caption what the scene is.

Flow matching alone teaches reading slowly, since words change the loss only a little. So the pooled CLIP output and
T5's end-of-sequence token first learn, through linear heads that are thrown away in the end, to name the background,
the arrangement, and each object's size, colour and shape. The lesson goes on, with little weight, beside flow matching.
"""

import torch
import torch.nn.functional as F
from torch import nn

import data
import text
from graphs import Step
from journal import log
from optim import FlatAdam

LENGTHS = (text.T5_LENGTH, text.T5_LENGTH, text.T5_LENGTH, text.T5_LENGTH, text.T5_LENGTH, 512)


def build_heads(clip, t5):
    """Linear readers of CLIP's pooled output and of T5's end-of-sequence token."""
    return nn.ModuleList(nn.Linear(model.config.hidden_size, sum(data.LABEL_CLASSES)) for model in (clip, t5))


def guesses(heads, t5_ids, end_id, pooled, hidden):
    """Each head's logits, one tensor per label."""
    end = (t5_ids == end_id).int().argmax(dim=1)
    last = hidden[torch.arange(len(hidden), device=hidden.device), end]
    return [head(x).float().split(data.LABEL_CLASSES, dim=1) for head, x in zip(heads, (pooled, last))]


def lesson_loss(guessed, labels, weight=None):
    """Cross-entropy summed over labels and heads; ``weight`` (N) says which captions count."""
    losses = sum(
        F.cross_entropy(logits, truth, reduction="none")
        for parts in guessed
        for logits, truth in zip(parts, labels.long().unbind(dim=1))
    )
    return losses.mean() if weight is None else (losses * weight).mean()


class ReadingTrainer:
    """Trains both text encoders on random captions."""

    peak_rate = 1e-3
    warm_up = 500

    def __init__(self, clip, t5, heads, buckets, batch, generator):
        self.clip, self.t5, self.heads, self.generator = clip, t5, heads, generator
        self.optimiser = FlatAdam([clip, t5, heads])
        self.clip_ids = torch.cat([b.clip_ids for b in buckets])
        self.t5_ids = torch.cat([b.t5_ids for b in buckets])
        self.labels = torch.cat([b.labels for b in buckets])
        self.draws, self.steps = {}, {}
        for length in set(LENGTHS):
            count = max(1, batch * text.T5_LENGTH // length)
            draw = tuple(torch.zeros(count, dtype=torch.long, device=self.labels.device) for _ in range(2))
            self.draws[length] = draw
            self.steps[length] = Step(f"reading {length}", self._body(length, *draw))

    def _guess(self, clip_ids, t5_ids, length):
        tokens = data.pad_ids(t5_ids, length, self.t5.config.pad_token_id)
        pooled, hidden = self.clip(input_ids=clip_ids.long()).pooler_output, self.t5(input_ids=tokens)[0]
        return guesses(self.heads, tokens, self.t5.config.eos_token_id, pooled, hidden)

    def _body(self, length, scene, wording):
        def body():
            guessed = self._guess(self.clip_ids[scene, wording], self.t5_ids[scene, wording], length)
            loss = lesson_loss(guessed, self.labels[scene])
            self.optimiser.follow(loss)
            return loss.detach()

        return body

    def step(self, progress, number):
        length = LENGTHS[number % len(LENGTHS)]
        scene, wording = self.draws[length]
        scene.random_(len(self.labels), generator=self.generator)
        wording.random_(data.CAPTIONS, generator=self.generator)
        return f"{length}", self.steps[length]()

    @torch.no_grad()
    def measure(self, held_out):
        """Log the share of captions of held-out scenes that each encoder reads wholly right."""
        for length in sorted(set(LENGTHS)):
            guessed = self._guess(held_out.clip_ids[:, 0], held_out.t5_ids[:, 0], length)
            truth = held_out.labels.long().unbind(dim=1)
            right = [
                torch.stack([g.argmax(dim=1) == t for g, t in zip(parts, truth)]).all(dim=0).float().mean().item()
                for parts in guessed
            ]
            log(f"reading, held-out scenes, {length} tokens, wholly right: clip {right[0]:.3f}, t5 {right[1]:.3f}")
