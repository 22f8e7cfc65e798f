"""Training of demo-video's autoencoder: first the whole, then, for sharper shapes, the decoder alone."""

import torch
import torch.nn.functional as F

import video_data
import video_wan
from graphs import Step
from journal import log
from optim import FlatAdam
from vae import KL_WEIGHT, LATENT_NOISE, edges

SQUARE_WEIGHT = {"vae": 0.5, "decoder": 2.0}  # of the squared error, beside the absolute one's 1
DECODER_NOISE = 0.15
LEAST_DEVIATION = 0.2  # of a latent channel, relative to all channels'; one that says nothing must not be blown up


def _loss(decoded, clips, square_weight):
    """How far the clips are off, and their edges."""
    loss = F.l1_loss(decoded, clips) + square_weight * F.mse_loss(decoded, clips)
    return loss + 0.5 * sum(F.l1_loss(a, b) for a, b in zip(edges(decoded), edges(clips)))


class _Trainer:
    """Draws clips, and noise for their latents."""

    warm_up = 200

    def __init__(self, vae, trained, clips, batch, generator):
        self.vae, self.clips, self.generator = vae, clips, generator
        self.optimiser = FlatAdam(trained)
        device = clips.layouts.device
        self.chosen = torch.zeros(batch, dtype=torch.long, device=device)
        with torch.no_grad():
            shape = video_wan.encode(vae, video_data.render(clips.layouts[:1])).mean.shape[1:]
        self.noise = torch.zeros(batch, *shape, device=device)
        self.level = torch.zeros(batch, 1, 1, 1, 1, device=device)
        self.learn = Step(type(self).__name__, self._body)

    def step(self, progress, number):
        self.chosen.random_(len(self.clips), generator=self.generator)
        self.noise.normal_(generator=self.generator)
        self.level.uniform_(generator=self.generator)
        return "", self.learn()


class VaeTrainer(_Trainer):
    """Fits the autoencoder to clips."""

    peak_rate = 1e-3

    def __init__(self, vae, clips, batch, generator):
        super().__init__(vae, [vae], clips, batch, generator)

    def _body(self):
        clips = video_data.render(self.clips.layouts[self.chosen])
        posterior = video_wan.encode(self.vae, clips)
        mean, variance = posterior.mean.float(), posterior.var.float()
        latents = mean + (variance + (LATENT_NOISE * self.level) ** 2).sqrt() * self.noise
        kl = 0.5 * (mean**2 + variance - 1 - posterior.logvar.float()).mean()
        loss = _loss(video_wan.decode(self.vae, latents), clips, SQUARE_WEIGHT["vae"]) + KL_WEIGHT * kl
        self.optimiser.follow(loss)
        return loss.detach()


class DecoderTrainer(_Trainer):
    """Fits the decoder to the latents as they are, so that a transformer trained on them stays right."""

    peak_rate = 7e-4

    def __init__(self, vae, clips, batch, generator):
        super().__init__(vae, [vae.decoder, vae.post_quant_conv], clips, batch, generator)

    def _body(self):
        clips = video_data.render(self.clips.layouts[self.chosen])
        with torch.no_grad():
            latents = video_wan.encode(self.vae, clips).mode().float() + DECODER_NOISE * self.level * self.noise
        loss = _loss(video_wan.decode(self.vae, latents), clips, SQUARE_WEIGHT["decoder"])
        self.optimiser.follow(loss)
        return loss.detach()


@torch.no_grad()
def measure(vae, clips):
    """Report the reconstruction's PSNR through diffusers' own encode and decode."""
    originals = video_data.render(clips.layouts[:64])
    parts = [vae.decode(vae.encode(part.to(vae.dtype)).latent_dist.mode()).sample for part in originals.split(16)]
    psnr = -10 * ((torch.cat(parts).float() - originals) ** 2 / 4).mean(dim=(1, 2, 3, 4)).log10()
    log(f"vae: psnr mean {psnr.mean():.2f} dB, least {psnr.min():.2f} dB")


def _set_statistics(vae, latents):
    """Write the means and deviations of latents into the autoencoder's configuration."""
    means, deviations = latents.mean(dim=(0, 2, 3, 4)), latents.std(dim=(0, 2, 3, 4))
    log("latent deviations " + " ".join(f"{value:.2f}" for value in deviations.tolist()))
    deviations = deviations.clamp(min=LEAST_DEVIATION * deviations.square().mean().sqrt())
    means, deviations = ([round(value, 4) for value in x.tolist()] for x in (means, deviations))
    vae.register_to_config(latents_mean=means, latents_std=deviations)


@torch.no_grad()
def cache_latents(vae, clips, known_statistics):
    """Encode every clip once; the diffusion model trains on these, with mean 0 and deviation 1."""
    parts = [video_wan.encode(vae, video_data.render(part)).mode().bfloat16() for part in clips.layouts.split(32)]
    latents = torch.cat(parts)
    if not known_statistics:
        _set_statistics(vae, latents[:4096].float())
    statistics = vae.config.latents_mean, vae.config.latents_std
    means, deviations = (torch.tensor(x, device=latents.device).view(-1, 1, 1, 1) for x in statistics)
    clips.latents = torch.cat([((part.float() - means) / deviations).bfloat16() for part in latents.split(4096)])
    log(f"{len(clips)} latents, deviation {clips.latents[:4096].float().std():.3f}")
