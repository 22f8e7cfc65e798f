"""The stages of the training, under one clock, with a state that a later process can go on from."""

import math
import os
import random
import signal
import time

import torch

import data
import flow
import journal
import models
import reading
import text
import vae as autoencoder
from graphs import Step
from journal import log

STAGES = ("vae", "reading", "flow")
SHARES = {"vae": 0.2, "reading": 0.06}  # of the time left when the stage begins; flow matching takes the rest
REPORT_SECONDS = 5
STATE_SECONDS = 60
RENEWAL = 0.0005  # of the moving average, each step
FACTORS = ("scaling_factor", "shift_factor")


class Run:
    """The clock, the parts of the model, the random numbers, and the saved state."""

    def __init__(self, arguments):
        self.limit, self.path = arguments.minutes, arguments.state
        self.device = torch.device(arguments.device)
        self.generator = torch.Generator(self.device).manual_seed(0)
        self.before = 0.0  # minutes that earlier processes took
        self.stopped = False
        self.parts, self.state = {}, None
        signal.signal(signal.SIGTERM, self._stop)

    def _stop(self, *_):
        self.stopped = True

    def minutes(self):
        return self.before + (time.monotonic() - journal.START) / 60

    def load(self):
        """Go on from the saved state if there is one."""
        if not self.path or not self.path.exists():
            return
        self.state = torch.load(self.path, map_location="cpu", weights_only=False)
        self.before = self.state["minutes"]
        for name, weights in self.state["parts"].items():
            self.parts[name].load_state_dict(weights)
        self.parts["vae"].register_to_config(**self.state["factors"])
        self.generator.set_state(self.state["generator"])
        log(f"going on from the stage {self.state['stage']} after {self.before:.1f} minutes")

    def save(self, stage, start, until, number, trainer):
        if not self.path:
            return
        state = {
            "stage": stage,
            "start": start,
            "until": until,
            "number": number,
            "minutes": self.minutes(),
            "parts": {name: model.state_dict() for name, model in self.parts.items()},
            "factors": {key: self.parts["vae"].config[key] for key in FACTORS},
            "optimiser": trainer.optimiser.state_dict(),
            "generator": self.generator.get_state(),
            "trainer": trainer.random.getstate() if hasattr(trainer, "random") else None,
        }
        partial = self.path.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.path)

    def train(self, stage, trainer, publish=None, publish_minutes=math.inf):
        """Take steps until the stage's time is over; leave the averaged weights in the models."""
        start, number = self.minutes(), 0
        until = start + (self.limit - start) * SHARES.get(stage, 1)
        if self.state and self.state["stage"] == stage:
            start, until, number = (self.state[key] for key in ("start", "until", "number"))
            trainer.optimiser.load_state_dict(self.state["optimiser"])
            if self.state["trainer"]:
                trainer.random.setstate(self.state["trainer"])
        log(f"{stage}: begins, step {number}, until minute {until:.1f}")
        reported = saved = published = time.monotonic()
        totals = {}
        while not self.stopped and self.minutes() < until:
            progress = (self.minutes() - start) / (until - start)
            rate = trainer.peak_rate * (0.5 + 0.5 * math.cos(math.pi * progress))
            rate *= min(1, (number + 1) / trainer.warm_up)
            trainer.optimiser.schedule(rate, max(RENEWAL, 9 / (number + 10)))
            kind, loss = trainer.step(progress, number)
            total, times = totals.get(kind, (0, 0))
            totals[kind] = (total + loss, times + 1)
            number += 1
            now = time.monotonic()
            if now - reported > REPORT_SECONDS:
                losses = " ".join(f"{kind}: {(t / n).item():.4f}" for kind, (t, n) in sorted(totals.items()))
                steps = sum(n for _, n in totals.values())
                pace = 1000 * (time.monotonic() - reported) / steps
                skipped = int(trainer.optimiser.skipped.item())
                log(f"{stage} {progress:.0%} step {number}, {pace:.1f} ms, skipped {skipped}, loss {losses}")
                reported, totals = time.monotonic(), {}
            if now - saved > STATE_SECONDS:
                self.save(stage, start, until, number, trainer)
                saved = time.monotonic()
            if now - published > 60 * publish_minutes:
                trainer.optimiser.use_average()
                publish()
                trainer.optimiser.use_latest()
                published = reported = time.monotonic()
                totals = {}
        self.save(stage, start, until, number, trainer)
        trainer.optimiser.use_average()
        log(f"{stage}: {'stopped' if self.stopped else 'over'} after {number} steps")


def _tokenizers(arguments):
    for name in ("tokenizer", "tokenizer_2"):
        source, target = arguments.resume and arguments.resume / name, arguments.output / name
        if source and not target.exists():
            target.mkdir(parents=True)
            for file in source.iterdir():
                (target / file.name).write_bytes(file.read_bytes())
    if not (arguments.output / "tokenizer_2").exists():
        text.train_tokenizers(arguments.output)
    return text.load_tokenizers(arguments.output)


def _build_parts(run, tokenizers):
    clip, t5 = models.build_clip(tokenizers[0]), models.build_t5(tokenizers[1])
    built = {
        "vae": models.build_vae(),
        "text_encoder": clip,
        "text_encoder_2": t5,
        "transformer": models.build_transformer(),
        "heads": reading.build_heads(clip, t5),
    }
    # The weights that the optimiser updates are float32 in any case.
    dtype = torch.bfloat16 if run.device.type == "cuda" else torch.float32
    run.parts = {name: model.to(run.device, dtype) for name, model in built.items()}
    log("parameters: " + ", ".join(f"{name} {models.count_parameters(part)}" for name, part in run.parts.items()))


def run_all(arguments):
    """Make the whole checkpoint, from the first stage not yet done."""
    run = Run(arguments)
    fast = run.device.type == "cuda"
    torch.manual_seed(0)
    torch.set_float32_matmul_precision("high")
    torch.backends.cudnn.benchmark = True
    torch.backends.cuda.enable_cudnn_sdp(False)
    Step.capture = fast and not arguments.no_graphs
    output = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    tokenizers = _tokenizers(arguments)
    log("tokenizers ready")
    _build_parts(run, tokenizers)
    run.load()
    stage = run.state["stage"] if run.state else "vae"
    trained = arguments.resume is not None and (arguments.resume / "transformer").exists()
    if not run.state and arguments.resume:
        for name in ("vae", "text_encoder", "text_encoder_2", "transformer"):
            if (arguments.resume / name).exists():
                models.load_part(name, arguments.resume, run.parts[name])
                stage = "flow" if name == "transformer" else "reading"
                log(f"{name} taken from {arguments.resume}")
    buckets = data.make_buckets(*tokenizers, arguments.scenes or (120_000 if fast else 2_000), run.device)
    vae, clip, t5, heads = (run.parts[name] for name in ("vae", "text_encoder", "text_encoder_2", "heads"))

    if stage == "vae":
        pixels = arguments.batch_pixels or (48 if fast else 4) * 128 * 128
        run.train("vae", autoencoder.VaeTrainer(vae, buckets, pixels, run.generator))
        if run.stopped:
            return
        stage = "reading"
        vae.eval()
        autoencoder.measure(vae, buckets)
        models.save_checkpoint(output, {"vae": vae})
    if stage == "reading":
        trainer = reading.ReadingTrainer(clip, t5, heads, buckets, 1024 if fast else 32, run.generator)
        run.train("reading", trainer)
        if run.stopped:
            return
        held_out = data.make_bucket(
            *tokenizers, data.SIZES[0][0], 1000 if fast else 100, run.device, random.Random(4), held_out=True
        )
        trainer.measure(held_out)
        del trainer
    autoencoder.cache_latents(vae, buckets)
    batch_tokens = arguments.batch_tokens or (32768 if fast else 1024)
    trainer = flow.FlowTrainer(
        run.parts, tokenizers, buckets, batch_tokens, run.generator, arguments.peak_rate, trained
    )
    saved = {name: part for name, part in run.parts.items() if name != "heads"}
    settings = ((128, 20, 512), (256, 20, 512)) if fast else ((128, 2, 64),)

    def publish():
        models.save_checkpoint(output, saved)
        log("checkpoint saved")
        flow.score(run.parts, tokenizers, settings, 64 if fast else 2, 64)

    run.train("flow", trainer, publish, arguments.save_minutes)
    publish()
    log("done")
