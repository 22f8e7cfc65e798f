"""TeaCache on diffusers' transformers: the published rule (arXiv 2411.19108), written for the goldens.

Blocks run or not; the first one decides, and before the last norm the change that all of them made is taken or added.
"""

import torch
from diffusers.models.transformers.transformer_flux2 import Flux2Modulation


class Branch:
    """What one branch of guidance remembers between steps."""

    def __init__(self):
        self.step, self.distance, self.signal, self.residual = -1, 0.0, None, None


class TeaCache:
    """Patches one transformer; `calls` lists for each call whether its blocks were skipped, and the change."""

    def __init__(self, transformer, steps, threshold, coefficients, use_ret_steps=False, branches=1):
        self.first, self.end = (5, steps) if use_ret_steps else (1, steps - 1)
        self.threshold, self.coefficients, self.use_ret_steps = threshold, coefficients, use_ret_steps
        self.branches, self.calls = [Branch() for _ in range(branches)], []
        self.is_flux = hasattr(transformer, "transformer_blocks")
        if self.is_flux:
            blocks = [*transformer.transformer_blocks, *getattr(transformer, "single_transformer_blocks", [])]
        else:
            blocks = list(transformer.blocks)
            transformer.condition_embedder.register_forward_hook(self.keep_times)
        for index, block in enumerate(blocks):
            block.forward = self.gated(block, index == 0)
        transformer.norm_out.register_forward_pre_hook(self.finish)

    def keep_times(self, module, args, result):
        """Wan: the embedded timestep, and the projection of it that modulates the blocks."""
        self.embedded, self.projected = result[0], result[1]

    def change_signal(self, block, hidden_states, given):
        """What the first block's attention would see of the image: with references, of all of them."""
        if "temb_mod_img" in given:
            shift, scale, _ = Flux2Modulation.split(given["temb_mod_img"], 2)[0]
            return ((1 + scale) * block.norm1(hidden_states) + shift).float()
        if hasattr(block, "img_mod"):
            first, _ = block.img_mod(given["temb"]).chunk(2, dim=-1)
            return block._modulate(block.img_norm1(hidden_states), first, given["modulate_index"])[0].float()
        if self.is_flux:
            return block.norm1(hidden_states, emb=given["temb"])[0].float()
        return (self.projected if self.use_ret_steps else self.embedded).float()

    def decide(self, signal):
        """Whether this call skips its blocks."""
        branch = self.branch = self.branches[len(self.calls) % len(self.branches)]
        branch.step += 1
        previous, branch.signal = branch.signal, signal
        change, skips = None, False
        if self.first <= branch.step < self.end:
            change = ((signal - previous).abs().mean() / (previous.abs().mean() + 1e-8)).item()
            value = 0.0
            for coefficient in self.coefficients:
                value = value * change + coefficient
            branch.distance = min(branch.distance + abs(value), 2 * self.threshold)
            skips = branch.distance < self.threshold
            if abs(branch.distance / self.threshold - 1) < 1e-3:
                raise SystemExit("a decision that rounding could turn")
        if not skips:
            branch.distance = 0.0
        self.calls.append({"skipped": skips, "change": change})
        return skips

    def gated(self, block, is_first):
        run = block.forward

        def forward(hidden_states, encoder_hidden_states, *args, **kwargs):
            if is_first:
                self.before = hidden_states
                self.skips = self.decide(self.change_signal(block, hidden_states, kwargs))
            if self.skips:
                is_pair = self.is_flux and encoder_hidden_states is not None
                return (encoder_hidden_states, hidden_states) if is_pair else hidden_states
            return run(hidden_states, encoder_hidden_states, *args, **kwargs)

        return forward

    def finish(self, module, args):
        if self.skips:
            return (args[0] + self.branch.residual.to(args[0].dtype), *args[1:])
        self.branch.residual = args[0] - self.before
        return None
