"""The clock of a training run in stages, with a state that a later process can go on from."""

import math
import os
import signal
import time

import torch

import journal
from journal import log

REPORT_SECONDS = 5
STATE_SECONDS = 60
RENEWAL = 0.0005  # of the moving average, each step


class Run:
    """The clock, the parts of the model, the random numbers, and the saved state.

    ``shares`` says how much of the time left each stage takes when it begins, the last one all of it; ``factors`` are
    the entries of the autoencoder's configuration that training finds out.
    """

    def __init__(self, arguments, shares, factors):
        self.limit, self.path = arguments.minutes, arguments.state
        self.shares, self.factors = shares, factors
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
            "factors": {key: self.parts["vae"].config[key] for key in self.factors},
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
        until = start + (self.limit - start) * self.shares.get(stage, 1)
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
