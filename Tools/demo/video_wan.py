"""Faster ways to compute what diffusers' Wan models compute, for training.

The autoencoder takes a clip four frames at a time and carries over what its causal convolutions need; here it takes the
whole clip at once, which is the same sum. The transformer sees a prompt of ``n`` tokens and then zeros, up to the
longest prompt's length; equal keys share their attention evenly, so a few zeros with a larger logit stand for them all.
"""

from functools import partial

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl_wan import WanResample, WanResidualBlock
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution


def _resample(module, x, feat_cache=None, feat_idx=None):
    """WanResample on a whole clip; the first frame stays single."""
    if feat_cache is not None:
        return WanResample.forward(module, x, feat_cache, feat_idx)
    if module.mode == "upsample3d" and x.shape[2] > 1:
        even, odd = module.time_conv(x[:, :, 1:]).chunk(2, dim=1)
        x = torch.cat([x[:, :, :1], torch.stack([even, odd], dim=3).flatten(2, 3)], dim=2)
    x = WanResample.forward(module, x)
    if module.mode == "downsample3d" and x.shape[2] > 1:
        x = torch.cat([x[:, :, :1], module.time_conv(x)], dim=2)
    return x


def norm_silu(x, gamma):
    """WanRMS_norm and SiLU, in a form that compiles into one kernel."""
    wide = x.float()
    scale = wide.square().mean(dim=1, keepdim=True).clamp(min=1e-12).rsqrt()
    return F.silu((wide * scale * gamma.float()).to(x.dtype))


def _residual(module, norm, x, feat_cache=None, feat_idx=None):
    """WanResidualBlock on a whole clip."""
    if feat_cache is not None:
        return WanResidualBlock.forward(module, x, feat_cache, feat_idx)
    inner = module.conv1(norm(x, module.norm1.gamma))
    return module.conv2(norm(inner, module.norm2.gamma)) + module.conv_shortcut(x)


def take_whole_clips(vae, norm=norm_silu):
    """Prepare an AutoencoderKLWan for :func:`encode` and :func:`decode`; its own methods work as before."""
    for module in vae.modules():
        if isinstance(module, WanResample):
            module.forward = partial(_resample, module)
        if isinstance(module, WanResidualBlock):
            module.forward = partial(_residual, module, norm)


def encode(vae, clips):
    """The distribution of the latents of whole clips."""
    clips = clips.to(vae.dtype).contiguous(memory_format=torch.channels_last_3d)
    return DiagonalGaussianDistribution(vae.quant_conv(vae.encoder(clips)))


def decode(vae, latents):
    """Whole clips, not limited to [-1, 1]."""
    return vae.decoder(vae.post_quant_conv(latents.to(vae.dtype))).float()


def zero_logits(mask, lengths):
    """What to add to the attention's logits, (N, 1, 1, tokens).

    ``mask`` (N, tokens) is true for the prompt's tokens; the others, at least one in each row, stand for the zeros up
    to ``lengths`` (N).
    """
    tokens = mask.sum(dim=1)
    each = ((lengths - tokens) / (mask.shape[1] - tokens)).log()
    return torch.where(mask, 0, each[:, None])[:, None, None]


class CrossAttention:
    """WanAttnProcessor with ``logits`` added to the attention's, the same for all blocks that share this object."""

    logits = None

    def __call__(self, attn, hidden_states, encoder_hidden_states=None, attention_mask=None, rotary_emb=None):
        query = attn.norm_q(attn.to_q(hidden_states))
        key = attn.norm_k(attn.to_k(encoder_hidden_states))
        value = attn.to_v(encoder_hidden_states)
        query, key, value = (x.unflatten(2, (attn.heads, -1)).transpose(1, 2) for x in (query, key, value))
        logits = self.logits.expand(-1, attn.heads, query.shape[2], -1)
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=logits)
        return attn.to_out[0](mixed.transpose(1, 2).flatten(2))
