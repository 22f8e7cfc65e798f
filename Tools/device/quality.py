"""What quantisation costs the built-in models: the checker's score, PSNR and SSIM against bfloat16, times and memory.

    python quality.py OUTPUT --device cuda --prompts 200
    python quality.py OUTPUT --device cpu --prompts 20 --threads 1 --jobs 2 --configs FP8 NVFP4

First each configuration makes the first prompt by itself, in turn, for --rounds: the least time of loading, the least median of
the steps but the first, and the most memory; the file is the transformer's, as `visualgen quantize` writes it. Then all
make the same prompts with the same seeds, and what they make is compared with what bfloat16 makes unquantised on the same
device. The prompts are of scenes held out of training; the first 40 and 32 are those of Tests/Goldens/demo.

A configuration that fails gets a line that says why. After --limit seconds no more is begun: every configuration is
compared over the prompts that all have made, and what was left out is said. OUTPUT keeps images, frames and quality.json;
what it holds is not made again, so another program needs another folder. Ends with status 1 if a bar is missed: PSNR, and
demo-image's score.
"""

import shutil
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import shared

shared.use("demo")

import check
import demo
import video_check
from likeness import psnr, ssim

PLAIN = "bfloat16"
ALGORITHMS = ["FP8", "FP8_PER_CHANNEL_PER_TOKEN", "FP8_BLOCK_SCALES", "NVFP4", "W8A8_SQ_PER_CHANNEL"]
# Backend, types of queries with keys and of values, and the blocks of queries, keys and values.
RECIPES = [("TRTLLM", "int8", "fp8", 1, 1, 1), ("TRTLLM", "int8", "fp8", 1, 4, 1), ("TRTLLM", "int8", "fp8", 1, 16, 1),
           ("TRTLLM", "fp8", "fp8", 1, 1, 1), ("TRTLLM", "fp8", "fp8", 1, 4, 1), ("CUTEDSL", "bf16", "fp8", 0, 0, 0)]  # fmt: skip
PROMPTS = {"demo-image": (check.make_prompts, 3), "demo-video": (video_check.make_prompts, 1)}  # with their seeds
MODELS = shared.ROOT / "Sources/DemoModels/Resources"
# The least PSNR in dB, and the most points that demo-image's score may be below bfloat16's.
LEAST_PSNR = {"FP8": 30, "FP8_PER_CHANNEL_PER_TOKEN": 35, "FP8_BLOCK_SCALES": 35, "NVFP4": 25, "W8A8_SQ_PER_CHANNEL": 35}
MOST_POINTS = {"FP8": 2, "FP8_PER_CHANNEL_PER_TOKEN": 2, "FP8_BLOCK_SCALES": 2, "NVFP4": 4}


def configurations():
    """Words of the command line by name; bfloat16 and float32 as they are come first."""
    result = {PLAIN: [], "float32": []}
    for name in ALGORITHMS:
        result[name] = ["--quant-config", f"{{quant_algo: {name}}}"]
    for backend, qk, v, *blocks in RECIPES:
        fields = ", ".join(f"{name}_block_size: {size}" for name, size in zip("qkv", blocks))
        recipe = f"{{qk_dtype: {qk}, v_dtype: {v}, {fields}}}"
        result["-".join(map(str, (backend, qk, *blocks)))] = [
            "--attention-config", f"{{backend: {backend}, quant_attention_config: {recipe}}}",
        ]  # fmt: skip
    return result


class Measurement:
    """One model: what its configurations made, what they took, and which of them failed."""

    def __init__(self, model, arguments, seconds):
        self.model, self.arguments, self.end = model, arguments, time.perf_counter() + seconds
        make_prompts, seed = PROMPTS[model]
        self.entries = make_prompts(arguments.prompts, seed)
        self.names = [PLAIN, *(name for name in arguments.configs if name != PLAIN)]
        self.costs, self.files, self.failures, self.made = {name: [] for name in self.names}, {}, {}, set()

    def left(self):
        """Seconds until the limit."""
        return self.end - time.perf_counter()

    def make(self, name, start, folder, count):
        """One process; its metrics, or nothing where the configuration failed or the time is up."""
        if name in self.failures or self.left() < 5:
            return None
        some = self.entries[start : start + count]
        words = [f"--threads={self.arguments.threads}"] if self.arguments.threads else []
        words += configurations()[name]
        where = self.arguments.program, self.arguments.device, "float32" if name == "float32" else PLAIN
        try:
            return demo.make_some(self.model, some, start, folder, where, words, min(self.left(), 900))[1]
        except (shared.Failure, OSError) as failure:
            self.fail(name, failure)
            return None

    def fail(self, name, failure):
        """Notes why a configuration failed, but where the time was up."""
        if self.left() > 1:
            self.failures[name] = str(failure).splitlines()[-1].removeprefix("visualgen: ")
            print(f"{self.model}, {name}: {failure}", flush=True)

    def size(self, name):
        """Bytes of the transformer's file; nothing where it is bfloat16's."""
        if name not in ALGORITHMS:
            return size(MODELS / self.model) if name == PLAIN else None
        copy = self.place(name) / "copy"
        try:
            shared.run([self.arguments.program, "quantize", self.model, "--algo", name, "--output", copy, "--quiet"], 60)
            return size(copy)
        except (shared.Failure, OSError) as failure:
            self.fail(name, failure)
            return None
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def cost(self):
        """Every configuration with the first prompt, in turn, nothing beside it."""
        for name in self.names if self.arguments.rounds else []:
            self.place(name).mkdir(parents=True, exist_ok=True)
            self.files[name] = self.size(name)
        for _ in range(self.arguments.rounds):
            for name in self.names:
                metrics = self.make(name, 0, self.place(name) / "alone", 1)
                if metrics:
                    self.costs[name].append(metrics)

    def quality(self):
        """Every configuration with all prompts, some in a process."""
        tasks = [(name, start) for start in range(0, len(self.entries), self.arguments.batch) for name in self.names]

        def body(task):
            name, start = task
            if self.is_there(name, start) or self.make(name, start, self.place(name) / str(start), self.arguments.batch):
                self.made.add(task)

        with ThreadPoolExecutor(self.arguments.jobs) as pool:
            list(pool.map(body, tasks))

    def is_there(self, name, start):
        """Whether an earlier run has made these prompts."""
        folder, count = self.place(name) / str(start), len(self.entries[start : start + self.arguments.batch])
        return (folder / "metrics.json").exists() and len(list(folder.glob("[0-9]*"))) == count

    def place(self, name):
        return self.arguments.output / self.model / name

    def prompts(self):
        """The numbers of the prompts that all configurations have made but those that failed."""
        working = [name for name in self.names if name not in self.failures]
        starts = [start for start in range(0, len(self.entries), self.arguments.batch)
                  if all((name, start) in self.made for name in working)]  # fmt: skip
        return [index for start in starts for index in range(start, min(start + self.arguments.batch, len(self.entries)))]

    def images(self, name, index):
        """What a configuration made of a prompt."""
        start = index - index % self.arguments.batch
        return demo.frames(self.place(name) / str(start) / str(index - start))

    def compare(self, name, indices):
        """The score in points, and PSNR and SSIM against bfloat16."""
        right, ratios, similarities = [], [], []
        for index in indices:
            images = self.images(name, index)
            right.append(all(demo.compare(self.model, images, self.entries[index]["scene"]).values()))
            if name != PLAIN and PLAIN not in self.failures:
                reference = self.images(PLAIN, index)
                ratios.append(psnr(images, reference))
                similarities.append(ssim(images, reference))
        found = {"score": 100 * statistics.mean(right), "wrong": [i for i, good in zip(indices, right) if not good]}
        for key, values in (("psnr", ratios), ("ssim", similarities)):
            if values:
                found |= {key: {"mean": statistics.mean(values), "least": min(values), "all": values}}
        return found

    def figures(self):
        """All there is, by configuration."""
        indices = self.prompts()
        found = {"prompts": len(indices), "asked": len(self.entries), "failures": self.failures, "configurations": {}}
        working = [name for name in self.names if name not in self.failures]
        with ProcessPoolExecutor() as pool:
            compared = list(pool.map(self.compare, working, [indices] * len(working))) if indices else [{}] * len(working)
        for name, row in zip(working, compared):
            taken = {"cost": spent(self.costs[name])} if self.costs[name] else {}
            found["configurations"][name] = row | taken | {"file": self.files.get(name)}
        return found


def size(model):
    """Bytes of the transformer's weights in a model's folder."""
    return sum(file.stat().st_size for file in model.glob("transformer*/*.safetensors"))


def spent(runs):
    """The least of the times in seconds, and the most memory in bytes, of the GPU if there is one."""
    memory = [run.get("device_memory", {}).get("peak_allocated_bytes", run["peak_memory_bytes"]) for run in runs]
    return {"load": min(run["load"] for run in runs), "step": min(statistics.median(run["denoise"][1:]) for run in runs),
            "memory": max(memory), "process": max(run["peak_memory_bytes"] for run in runs)}  # fmt: skip


def rows(figures):
    """The lines of a model's table."""
    for name, row in figures["configurations"].items():
        cells = [f"`{name}`", f"{row['score']:.1f}" if "score" in row else "–"]
        for key, form in (("psnr", "{:.1f} ({:.1f})"), ("ssim", "{:.3f} ({:.3f})")):
            cells.append(form.format(row[key]["mean"], row[key]["least"]) if key in row else "")
        cells.append(f"{row['file'] / 1e6:.1f}" if row["file"] else "")
        cost = row.get("cost")
        cells += [f"{cost['load']:.2f}", f"{1e3 * cost['step']:.1f}", f"{cost['memory'] / 1e6:.0f}"] if cost else [""] * 3
        yield cells
    for name, reason in figures["failures"].items():
        yield [f"`{name}`", f"failed: {reason}", *[""] * 6]


def report(model, figures, device):
    """The table, and what was left out."""
    memory = "MB of the GPU" if device != "cpu" else "MB of the process"
    heads = [f"{model}, {figures['prompts']} prompts", "score", "PSNR, mean (least)", "SSIM, mean (least)", "file, MB",
             "loading, s", "ms a step", memory]  # fmt: skip
    lines = [shared.table(heads, rows(figures))]
    if figures["prompts"] < figures["asked"]:
        lines.append(f"\nLeft out for want of time: {figures['asked'] - figures['prompts']} of {figures['asked']} prompts")
    return "\n".join(lines)


def missed(model, figures):
    """The bars that are missed, each in a sentence."""
    found = figures["configurations"]
    for name, row in found.items():
        if "psnr" in row and row["psnr"]["mean"] < LEAST_PSNR.get(name, 0):
            yield f"{model}, {name}: PSNR {row['psnr']['mean']:.1f}, not {LEAST_PSNR[name]}"
        below = found[PLAIN]["score"] - row["score"] if "score" in row and PLAIN in found else 0
        if model == "demo-image" and below > MOST_POINTS.get(name, 100):
            yield f"{model}, {name}: {below:.1f} points below bfloat16, not {MOST_POINTS[name]}"


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--models", nargs="+", default=list(PROMPTS), choices=PROMPTS)
    parser.add_argument("--configs", nargs="+", default=list(configurations()), choices=configurations(), metavar="CONFIG",
                        help=f"some of {', '.join(configurations())}")  # fmt: skip
    parser.add_argument("--prompts", type=int, default=100, help="of each model")
    parser.add_argument("--batch", type=int, default=10, help="prompts of one process")
    parser.add_argument("--rounds", type=int, default=2, help="of the times; 0 takes none")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once, but for the times")
    parser.add_argument("--threads", type=int, help="of each")
    parser.add_argument("--limit", type=float, default=3600, help="seconds of everything")
    arguments = parser.parse_args()
    end, figures, failures = time.perf_counter() + arguments.limit, {}, []
    for done, model in enumerate(arguments.models):
        measurement = Measurement(model, arguments, (end - time.perf_counter()) / (len(arguments.models) - done))
        measurement.cost()
        measurement.quality()
        figures[model] = measurement.figures()
        shared.write(arguments.output / "quality.json", figures)
        print(report(model, figures[model], arguments.device) + "\n", flush=True)
        failures += missed(model, figures[model])
    shared.write(arguments.json, figures)
    sys.exit("\n".join(failures) if failures else 0)


if __name__ == "__main__":
    shared.start(main)
