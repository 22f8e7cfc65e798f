"""Training of demo-video's autoencoder."""

import torch
import torch.nn.functional as F

import video_data
import video_wan
from graphs import Step
from journal import log
from optim import FlatAdam
from vae import KL_WEIGHT, LATENT_NOISE, edges

LEAST_DEVIATION = 0.2  # of a latent channel, relative to all channels'; one that says nothing must not be blown up


class VaeTrainer:
    """Fits the autoencoder to clips."""

    peak_rate = 1e-3
    warm_up = 200

    def __init__(self, vae, clips, batch, generator):
        self.vae, self.clips, self.generator = vae, clips, generator
        video_wan.take_whole_clips(vae)
        self.optimiser = FlatAdam([vae])
        device = clips.layouts.device
        self.chosen = torch.zeros(batch, dtype=torch.long, device=device)
        with torch.no_grad():
            shape = self._encode(self.chosen[:1])[1].mean.shape[1:]
        self.noise = torch.zeros(batch, *shape, device=device)
        self.level = torch.zeros(batch, 1, 1, 1, 1, device=device)
        self.learn = Step("vae", self._body)

    def _encode(self, chosen):
        clips = video_data.render(self.clips.layouts[chosen])
        given = clips.to(self.vae.dtype)
        if video_wan.FORM["last"]:
            given = given.contiguous(memory_format=torch.channels_last_3d)
        return clips, video_wan.encode(self.vae, given)

    def _body(self):
        clips, posterior = self._encode(self.chosen)
        mean, variance = posterior.mean.float(), posterior.var.float()
        latents = mean + (variance + (LATENT_NOISE * self.level) ** 2).sqrt() * self.noise
        decoded = video_wan.decode(self.vae, latents.to(self.vae.dtype)).float()
        kl = 0.5 * (mean**2 + variance - 1 - posterior.logvar.float()).mean()
        loss = F.l1_loss(decoded, clips) + 0.5 * F.mse_loss(decoded, clips) + KL_WEIGHT * kl
        loss = loss + 0.5 * sum(F.l1_loss(a, b) for a, b in zip(edges(decoded), edges(clips)))
        self.optimiser.follow(loss)
        return loss.detach()

    def step(self, progress, number):
        self.chosen.random_(len(self.clips), generator=self.generator)
        self.noise.normal_(generator=self.generator)
        self.level.uniform_(generator=self.generator)
        return "", self.learn()


@torch.no_grad()
def encode(vae, layouts):
    """The means of the latents of these layouts' clips."""
    parts = []
    for part in layouts.split(32):
        clips = video_data.render(part).to(vae.dtype)
        parts.append(video_wan.encode(vae, clips).mode().bfloat16())
    return torch.cat(parts)


@torch.no_grad()
def measure(vae, clips):
    """Report the reconstruction's PSNR through diffusers' own encode and decode."""
    originals = video_data.render(clips.layouts[:64])
    parts = [vae.decode(vae.encode(part.to(vae.dtype)).latent_dist.mode()).sample for part in originals.split(16)]
    psnr = -10 * ((torch.cat(parts).float() - originals) ** 2 / 4).mean(dim=(1, 2, 3, 4)).log10()
    log(f"vae: psnr mean {psnr.mean():.2f} dB, least {psnr.min():.2f} dB")


@torch.no_grad()
def cache_latents(vae, clips):
    """Encode every clip once; the diffusion model trains on these. Sets the latents' means and deviations."""
    video_wan.take_whole_clips(vae)
    vae.eval()
    latents = encode(vae, clips.layouts)
    sample = latents[:4096].float()
    means, deviations = sample.mean(dim=(0, 2, 3, 4)), sample.std(dim=(0, 2, 3, 4))
    least = LEAST_DEVIATION * deviations.square().mean().sqrt()
    log("latent deviations " + " ".join(f"{value:.2f}" for value in deviations.tolist()))
    means, deviations = ([round(v, 4) for v in x.tolist()] for x in (means, deviations.clamp(min=least)))
    vae.register_to_config(latents_mean=means, latents_std=deviations)
    means, deviations = (torch.tensor(x, device=latents.device).view(-1, 1, 1, 1) for x in (means, deviations))
    clips.latents = torch.cat([((part.float() - means) / deviations).bfloat16() for part in latents.split(4096)])
    log(f"{len(clips)} latents, deviation {clips.latents[:4096].float().std():.3f}")
