"""Faster ways to compute what diffusers' Wan models compute, for training.

The autoencoder takes a clip four frames at a time and carries over what its causal convolutions need; here it takes the
whole clip at once, which is the same sum. The transformer sees a prompt of ``n`` tokens and then zeros, up to the
longest prompt's length; equal keys share their attention evenly, so a few zeros with a larger logit stand for them all.
"""

import types

import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.autoencoder_kl_wan import WanCausalConv3d, WanResample, WanResidualBlock
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


def _norm_silu(x, gamma):
    """WanRMS_norm and SiLU."""
    wide = x.float()
    scale = wide.square().mean(dim=1, keepdim=True).clamp(min=1e-12).rsqrt()
    return F.silu((wide * scale * gamma.float()).to(x.dtype))


FORM = {"fold": False, "last": False, "norm": _norm_silu}


def _residual(module, x, feat_cache=None, feat_idx=None):
    """WanResidualBlock on a whole clip."""
    if feat_cache is not None:
        return WanResidualBlock.forward(module, x, feat_cache, feat_idx)
    inner = module.conv1(FORM["norm"](x, module.norm1.gamma))
    return module.conv2(FORM["norm"](inner, module.norm2.gamma)) + module.conv_shortcut(x)


def _folded(module, x, cache_x=None):
    """A 3x3x3 causal convolution as one of two dimensions over three frames' channels."""
    if cache_x is not None:
        return WanCausalConv3d.forward(module, x, cache_x)
    batch, channels, frames, height, width = x.shape
    x = F.pad(x.transpose(1, 2), (0, 0, 0, 0, 0, 0, 2, 0))
    x = torch.cat([x[:, i : i + frames] for i in range(3)], dim=2).flatten(0, 1)
    weight = module.weight.transpose(1, 2).flatten(1, 2)
    if FORM["last"]:
        x = x.contiguous(memory_format=torch.channels_last)
    return F.conv2d(x, weight, module.bias, padding=1).unflatten(0, (batch, frames)).transpose(1, 2)


def take_whole_clips(vae):
    """Prepare an AutoencoderKLWan for :func:`encode` and :func:`decode`; its own methods work as before."""
    for module in vae.modules():
        if isinstance(module, WanResample):
            module.forward = types.MethodType(_resample, module)
        if isinstance(module, WanResidualBlock):
            module.forward = types.MethodType(_residual, module)
        if isinstance(module, WanCausalConv3d) and module.kernel_size == (3, 3, 3):
            module.forward = types.MethodType(_folded if FORM["fold"] else WanCausalConv3d.forward, module)


def encode(vae, clips):
    """The distribution of the latents of whole clips."""
    return DiagonalGaussianDistribution(vae.quant_conv(vae.encoder(clips)))


def decode(vae, latents):
    """Whole clips, not limited to [-1, 1]."""
    return vae.decoder(vae.post_quant_conv(latents))


def zero_logits(mask, lengths):
    """What to add to the logits of the tokens of ``mask`` (N, tokens), true for those of the prompt, as (N, 1, 1, tokens).

    The other tokens, at least one in each row, stand for the zeros up to ``lengths`` (N).
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
