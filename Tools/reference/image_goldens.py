"""What writes goldens of pipelines of images: float64 runs of diffusers, stage by stage, from float32 noise."""

import argparse

from common import save_golden, save_tensors, versions

import torch

from exact import distance
from floors import floors, record, record_bfloat16, stored


def asked_cases(description, cases):
    """The cases named on the command line, or all."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("cases", nargs="*", help="which cases to write; all if none is named")
    return parser.parse_args().cases or list(cases)


class Goldens:
    """The goldens of a family: its module of cases, its pipeline in float64, and how its noise is called that a
    pipeline takes. `metadata` is what is said of a request besides."""

    def __init__(self, family, exact, noise="latents.initial", metadata=lambda asked: {}):
        self.family, self.exact, self.noise, self.metadata = family, exact, noise, metadata

    def run(self, asked, dtype=torch.float32, noise=None):
        """The trace of a request as diffusers computes it."""
        return self.family.Recorder(self.family.load(asked["model"], dtype)).run(asked, noise)

    def write(self, case):
        """Writes the golden of a case and its floors of this processor; returns it."""
        asked = self.family.request(case)
        drawn = self.run(asked)
        truth = self.exact(asked["model"]).run(asked, drawn[self.noise])
        for name in ("sigmas", "timesteps"):
            if not (truth[name].dtype == torch.float32 and truth[name].equal(drawn[name])):
                raise SystemExit(f"{case}: other {name} in float64")
        golden = stored(truth | {"noise": drawn["noise"]})
        path = self.family.FOLDER / f"{case}.safetensors"
        save_golden(path, asked, golden, **self.metadata(asked))
        found = floors(self.exact(asked["model"], torch.float32).run(asked, drawn[self.noise]), truth)
        record(self.family.FOLDER, {case: found})
        decoded = golden["decoded"]
        print(f"{case:28} {path.stat().st_size:7} bytes  text {list(golden['prompt_embeds'].shape)} decoded "
              f"{decoded.abs().max():.2f} at most, deviation {decoded.std():.2f}, floor {max(found.values()):.1e}",
              flush=True)  # fmt: skip
        return golden

    def bfloat16_distances(self, case, golden, noises):
        """diffusers' own bfloat16 run against the golden, with its own noise or with the float32 noise rounded."""
        asked, last = self.family.request(case), f"latents.step{len(golden['timesteps']) - 1}"
        result = {}
        for name in noises:
            run = self.run(asked, torch.bfloat16, golden[self.noise] if name == "same_noise" else None)
            result[name] = {stage: distance(run[key], golden[key])
                            for stage, key in (("decoded", "decoded"), ("latents", last))}  # fmt: skip
        return result

    def write_all(self, cases, bfloat16_cases, noises=("own_noise", "same_noise")):
        """Writes cases, and bfloat16.json if those are among them; returns whether it did that."""
        distances = {}
        for case in cases:
            golden = self.write(case)
            if case in bfloat16_cases:
                distances[case] = self.bfloat16_distances(case, golden, noises)
        if set(bfloat16_cases) <= set(distances):
            record_bfloat16(self.family.FOLDER, distances)
            return True
        return False


def write_components(path, notes, **metadata):
    """Writes what `notes(dtype)` computes in float64, and how far float32 is from it on this processor."""
    truth = notes(torch.float64)
    save_tensors(path, stored(truth), metadata | versions())
    record(path.parent, {path.stem: floors(notes(torch.float32), truth)})
    print(path.name, path.stat().st_size, "bytes")
    for name, value in truth.items():
        print(f"    {name:60} {list(value.shape)} {value.abs().max():.3f} {value.dtype}")
