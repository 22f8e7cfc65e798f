"""What step caches save and what they cost, on the built-in models: the table and the plot of docs/caching.md.

    python Benchmarks/caching.py quality --model demo-image --count 24 --output caching
    python Benchmarks/caching.py speed --model demo-image --output caching
    python Benchmarks/caching.py report --output caching

`quality` makes the goldens' prompts with every setting and compares with the uncached images; images that are there
already are not made again. `speed` times the settings in turn, and wants a quiet machine. Run it with the packages of
Tools/reference/requirements.txt, after `make build`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENGINE = ROOT / ".build/release/visualgen"
sys.path.append(str(ROOT / "Tools/demo"))

# What each model is measured at: arguments, prompts, and settings of `cache_config` by name.
TAYLOR = {"enable_taylorseer": True}
MODELS = {
    "demo-image": {
        "arguments": ["--num-inference-steps", "50", "--max-sequence-length", "64"],
        "prompts": "prompts.json",
        "settings": {
            "cache_dit: 0.08": {"residual_diff_threshold": 0.08},
            "cache_dit: 0.24": {},
            "cache_dit: 0.24, order 1": TAYLOR,
            "cache_dit: 3, order 1, warm-up 7, 11 in a row": TAYLOR | {
                "residual_diff_threshold": 3.0, "max_warmup_steps": 7, "max_continuous_cached_steps": 11},
            "cache_dit: mask ultra, static, order 1": TAYLOR | {
                "scm_steps_mask_policy": "ultra", "scm_steps_policy": "static"},
            "teacache: 0.05": {"teacache_thresh": 0.05},
            "teacache: 0.1": {"teacache_thresh": 0.1},
            "teacache: 0.15": {"teacache_thresh": 0.15},
            "teacache: 0.2": {"teacache_thresh": 0.2},
            "teacache: 0.3": {"teacache_thresh": 0.3},
        },
    },
    "demo-video": {
        "arguments": [],
        "prompts": "video-prompts.json",
        "settings": {
            "cache_dit: 0.12": {"residual_diff_threshold": 0.12},
            "cache_dit: 0.24": {},
            "cache_dit: 0.24, order 1": TAYLOR,
            "cache_dit: 0.5, order 1, 5 in a row": TAYLOR | {
                "residual_diff_threshold": 0.5, "max_continuous_cached_steps": 5},
            "cache_dit: mask fast, static, order 1": TAYLOR | {
                "scm_steps_mask_policy": "fast", "scm_steps_policy": "static"},
            "teacache: 0.1": {"teacache_thresh": 0.1},
            "teacache: 0.15": {"teacache_thresh": 0.15},
            "teacache: 0.2": {"teacache_thresh": 0.2},
            "teacache: 0.3": {"teacache_thresh": 0.3},
            "teacache: 0.4": {"teacache_thresh": 0.4},
        },
    },
}  # fmt: skip
UNCACHED = "uncached"


def settings(model):
    """The content of `cache_config` by name, the uncached run first."""
    result = {UNCACHED: None}
    for name, fields in MODELS[model]["settings"].items():
        fields = {"cache_backend": name.split(":")[0]} | fields
        if model == "demo-video" and fields["cache_backend"] == "teacache":
            fields["coefficients"] = [1.0, 0.0]
        result[name] = fields
    return result


def prompts(model, count):
    return json.loads((ROOT / "Tests/Goldens/demo" / MODELS[model]["prompts"]).read_text())[:count]


def generate(model, cache, prompt, path):
    """Makes one image, or one folder of frames, and returns the metrics."""
    with tempfile.TemporaryDirectory() as folder:
        config, metrics = Path(folder) / "config.yaml", Path(folder) / "metrics.json"
        config.write_text(json.dumps({"threads": 2} | ({"cache_config": cache} if cache else {})))
        command = [ENGINE, "generate", "--model", model, "--config", config, "--prompt", prompt, "--seed", "0",
                   "--quiet", "--metrics", metrics, "--output", str(path) + ("/" if model == "demo-video" else "")]  # fmt: skip
        subprocess.run(command + MODELS[model]["arguments"], check=True)
        return json.loads(metrics.read_text())


def place(output, model, name, number):
    suffix = "" if model == "demo-video" else ".png"
    return output / model / name.replace(": ", "-").replace(", ", "-").replace(" ", "-") / f"{number:03}{suffix}"


def frames(path):
    """The images at a place, `[frames, height, width, 3]`."""
    import numpy as np
    from PIL import Image

    files = sorted(path.glob("*.png")) if path.is_dir() else [path]
    return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])


def psnr(image, reference):
    import numpy as np

    error = np.mean((image.astype(np.float64) - reference.astype(np.float64)) ** 2)
    return 99.0 if error == 0 else min(99.0, 10 * np.log10(255**2 / error))


def ssim(image, reference):
    """The mean structural similarity over windows of 7 × 7 pixels, of every frame and colour."""
    import numpy as np
    from scipy.ndimage import uniform_filter

    def mean(x):
        return uniform_filter(x, size=(1, 7, 7, 1))

    a, b = image.astype(np.float64), reference.astype(np.float64)
    (ma, mb), c1, c2 = (mean(a), mean(b)), (0.01 * 255) ** 2, (0.03 * 255) ** 2
    scale = 49 / 48
    va, vb, cov = (scale * (mean(x * y) - mean(x) * mean(y)) for x, y in ((a, a), (b, b), (a, b)))
    return float(np.mean((2 * ma * mb + c1) * (2 * cov + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2))))


def is_right(model, images, scene):
    """Whether the checker finds by the pixels what the prompt asks for."""
    import check
    import video_check

    if model == "demo-video":
        right, _ = video_check.judge(images, scene)
        return all(right[name] for name in video_check.ASKED)
    return all(check.judge(images[0], scene)[0].values())


def quality(arguments):
    model, results = arguments.model, {}
    entries = prompts(model, arguments.count)
    for number, entry in enumerate(entries):
        for name, cache in settings(model).items():
            path = place(arguments.output, model, name, number)
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                metrics = generate(model, cache, entry["prompt"], path)
                path.with_suffix(".json").write_text(json.dumps(metrics))
    for name in settings(model):
        rows = []
        for number, entry in enumerate(entries):
            path = place(arguments.output, model, name, number)
            metrics = json.loads(path.with_suffix(".json").read_text())
            images = frames(path)
            reference = frames(place(arguments.output, model, UNCACHED, number))
            shares = [branch["skipped_share"] for branch in metrics.get("cache", [])]
            rows.append({
                "psnr": psnr(images, reference), "ssim": ssim(images, reference),
                "right": is_right(model, images, entry["scene"]),
                "skipped": statistics.mean(shares) if shares else 0,
            })  # fmt: skip
        results[name] = {key: statistics.mean(row[key] for row in rows) for key in ("psnr", "ssim", "right", "skipped")}
        results[name] |= {"least_psnr": min(row["psnr"] for row in rows), "count": len(rows)}
        print(name, results[name], flush=True)
    (arguments.output / f"{model}-quality.json").write_text(json.dumps(results, indent=1))


def speed(arguments):
    """Seconds of all denoising steps, the least of some rounds over all settings: other work only adds."""
    model = arguments.model
    entry = prompts(model, 1)[0]
    seconds = {name: [] for name in settings(model)}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for name, cache in settings(model).items():
                metrics = generate(model, cache, entry["prompt"], Path(folder) / f"{number}-{len(seconds[name])}.png"
                                   if model == "demo-image" else Path(folder) / f"{name[:2]}{number}-{hash(name)}")  # fmt: skip
                seconds[name].append(sum(metrics["denoise"]))
                print(f"{name:40} {seconds[name][-1]:.2f} s", flush=True)
    least = {name: min(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:40} {least[name]:.2f} s, {least[UNCACHED] / least[name]:.2f}x", values, flush=True)
    (arguments.output / f"{model}-speed.json").write_text(json.dumps(least, indent=1))


def report(arguments):
    points = {}
    for model in MODELS:
        results = json.loads((arguments.output / f"{model}-quality.json").read_text())
        least = json.loads((arguments.output / f"{model}-speed.json").read_text())
        print(f"| {model}, {results[UNCACHED]['count']} prompts | skipped | denoising | PSNR, mean (least) | SSIM | right |")
        print("|---|---|---|---|---|---|")
        for name, row in results.items():
            ratio = least[UNCACHED] / least[name]
            seconds = f"{least[name]:.2f} s, {ratio:.2f}×"
            if name == UNCACHED:
                print(f"| {name} | 0 % | {seconds} | | | {100 * row['right']:.0f} % |")
                continue
            points.setdefault(model, []).append((name, ratio, row["psnr"]))
            print(f"| {name} | {100 * row['skipped']:.0f} % | {seconds} | {row['psnr']:.1f} ({row['least_psnr']:.1f}) | "
                  f"{row['ssim']:.3f} | {100 * row['right']:.0f} % |")  # fmt: skip
        print()
    (arguments.output / "caching.svg").write_text(plot(points))


def plot(points):
    """Speed-up against PSNR, one panel a model, as SVG."""
    width, height, left, bottom = 300, 240, 44, 36
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * (width + 20)}" height="{height + 64}" '
             'font-family="sans-serif" font-size="11">', '<rect width="100%" height="100%" fill="white"/>']  # fmt: skip
    for index, (model, values) in enumerate(points.items()):
        x0, fastest = index * (width + 20), max(ratio for _, ratio, _ in values) * 1.08
        low, high = 10 * int(min(value for *_, value in values) / 10), max(value for *_, value in values) * 1.05

        def x(ratio):
            return x0 + left + (width - left) * (ratio - 1) / (fastest - 1)

        def y(value):
            return 24 + (height - bottom) * (high - value) / (high - low)

        parts.append(f'<text x="{x0 + left}" y="14" font-weight="bold">{model}</text>')
        parts.append(f'<path d="M{x0 + left} 24V{y(low):.0f}H{x0 + width}" fill="none" stroke="#333"/>')
        for value in range(low, int(high) + 1, 10):
            parts.append(f'<text x="{x0 + left - 6}" y="{y(value) + 4:.0f}" text-anchor="end">{value}</text>')
        for half in range(2, int(fastest * 2) + 1):
            parts.append(f'<text x="{x(half / 2):.0f}" y="{y(low) + 14:.0f}" text-anchor="middle">{half / 2:g}×</text>')
        parts.append(f'<text x="{x0 + left}" y="{y(low) + 30:.0f}">speed-up of denoising; upwards PSNR in dB</text>')
        for name, ratio, value in values:
            colour = "#c0392b" if name.startswith("teacache") else "#1f6fb2"
            parts.append(f'<circle cx="{x(ratio):.1f}" cy="{y(value):.1f}" r="4" fill="{colour}">'
                         f"<title>{name}</title></circle>")  # fmt: skip
    parts.append(f'<text x="{left}" y="{height + 56}" fill="#c0392b">● teacache</text>'
                 f'<text x="{left + 90}" y="{height + 56}" fill="#1f6fb2">● cache_dit</text></svg>')  # fmt: skip
    return "\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("subject", choices=["quality", "speed", "report"])
    parser.add_argument("--model", choices=MODELS, default="demo-image")
    parser.add_argument("--count", type=int, default=24, help="prompts of quality")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of speed")
    parser.add_argument("--output", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    {"quality": quality, "speed": speed, "report": report}[arguments.subject](arguments)


if __name__ == "__main__":
    main()
