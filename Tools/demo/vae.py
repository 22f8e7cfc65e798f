"""Training of the autoencoder."""

import torch
import torch.nn.functional as F

from data import render
from graphs import Step
from journal import log
from optim import FlatAdam

KL_WEIGHT = 1e-4
LATENT_NOISE = 0.3  # at most; makes the decoder turn slightly wrong latents into clean images


def edges(image):
    """Differences between neighbouring pixels, downwards and to the right."""
    return image[..., 1:, :] - image[..., :-1, :], image[..., 1:] - image[..., :-1]


class VaeTrainer:
    """Fits the autoencoder to images of all sizes."""

    peak_rate = 1e-3
    warm_up = 200

    def __init__(self, vae, buckets, batch_pixels, generator):
        self.vae, self.generator = vae, generator
        self.optimiser = FlatAdam([vae])
        self.draws, self.steps = [], []
        for bucket in buckets[:2]:
            count = max(1, batch_pixels // (bucket.height * bucket.width))
            chosen = torch.zeros(count, dtype=torch.long, device=bucket.layouts.device)
            latents = torch.zeros(count, 16, bucket.height // 8, bucket.width // 8, device=chosen.device)
            level = torch.zeros(count, 1, 1, 1, device=chosen.device)
            draw = (len(bucket), chosen, latents, level)
            self.draws.append(draw)
            self.steps.append(Step(f"vae {bucket.height}", self._body(bucket, *draw[1:])))

    def _body(self, bucket, chosen, noise, level):
        def body():
            images = render(bucket.layouts[chosen], bucket.height, bucket.width)
            posterior = self.vae.encode(images.to(self.vae.dtype)).latent_dist
            mean, variance = posterior.mean.float(), posterior.var.float()
            latents = mean + (variance + (LATENT_NOISE * level) ** 2).sqrt() * noise
            decoded = self.vae.decode(latents.to(self.vae.dtype)).sample.float()
            kl = 0.5 * (mean**2 + variance - 1 - posterior.logvar.float()).mean()
            loss = F.l1_loss(decoded, images) + 0.5 * F.mse_loss(decoded, images) + KL_WEIGHT * kl
            loss = loss + 0.5 * sum(F.l1_loss(a, b) for a, b in zip(edges(decoded), edges(images)))
            self.optimiser.follow(loss)
            return loss.detach()

        return body

    def step(self, progress, number):
        kind = number % 3 // 2  # 128x128 twice, then 256x256
        scenes, chosen, noise, level = self.draws[kind]
        chosen.random_(scenes, generator=self.generator)
        noise.normal_(generator=self.generator)
        level.uniform_(generator=self.generator)
        return f"{(128, 256)[kind]}", self.steps[kind]()


@torch.no_grad()
def measure(vae, buckets):
    """Set the factors that give latents mean 0 and deviation 1; report the reconstruction's PSNR."""
    latents = torch.cat([encode(vae, b.layouts[:64], b, raw=True).flatten().float() for b in buckets[:2]])
    vae.register_to_config(scaling_factor=round(1 / latents.std().item(), 4))
    vae.register_to_config(shift_factor=round(latents.mean().item(), 4))
    for bucket in buckets[:2]:
        images = render(bucket.layouts[:64], bucket.height, bucket.width)
        decoded = vae.decode(vae.encode(images.to(vae.dtype)).latent_dist.mean).sample.float().clamp(-1, 1)
        psnr = -10 * ((decoded - images) ** 2 / 4).mean(dim=(1, 2, 3)).log10()
        log(f"vae {bucket.height}x{bucket.width}: psnr mean {psnr.mean():.2f} dB, least {psnr.min():.2f} dB")
    log(f"vae scaling_factor {vae.config.scaling_factor} shift_factor {vae.config.shift_factor}")


@torch.no_grad()
def encode(vae, layouts, bucket, raw=False):
    """Latents of the images of these layouts, scaled for diffusion unless ``raw``."""
    parts = []
    for part in layouts.split(64):
        images = render(part, bucket.height, bucket.width).to(vae.dtype)
        parts.append(vae.encode(images).latent_dist.mean)
    latents = torch.cat(parts)
    return latents if raw else (latents.float() - vae.config.shift_factor) * vae.config.scaling_factor


def cache_latents(vae, buckets):
    """Encode every scene once; the diffusion model trains on these."""
    for bucket in buckets:
        parts = [encode(vae, part, bucket).bfloat16() for part in bucket.layouts.split(4096)]
        bucket.latents = torch.cat(parts)
        log(f"{len(bucket)} latents of {bucket.height}x{bucket.width}, deviation {bucket.latents.float().std():.3f}")
