"""Every case of docs/performance.md against every engine that runs it: JSON, a table and a plot.

    make bench                                     all of it; hours, as diffusers' bfloat16 is slow on some processors
    make bench BENCH="--cases flux-float32"        some of it

Each round measures the engines in turn; the table has medians of the ratios within rounds. The roof of a case is what the
matrix products of its transformer would take at the rate of one product alone, measured in the same run.
"""

import argparse
import json
import platform
import statistics
from pathlib import Path

import compare

CASES = {
    "flux": (["transformer"], ["eager", "compile", "openvino"]),
    "flux2": (["transformer", "--family", "flux.2"], ["eager", "compile"]),
    "qwen-image": (["transformer", "--family", "qwen-image"], ["eager", "compile"]),
    "wan": (["transformer", "--family", "wan"], ["eager", "compile", "openvino"]),
    "flux-decoder": (["decoder"], ["eager", "compile", "openvino"]),
    "flux2-decoder": (["decoder", "--family", "flux.2"], ["eager"]),
    "qwen-image-decoder": (["decoder", "--family", "qwen-image"], ["eager"]),
    "wan-decoder": (["decoder", "--family", "wan"], ["eager"]),
    "flux-attention": (["attention"], ["eager"]),
    "wan-attention": (["attention", "--family", "wan"], ["eager"]),
    "demo-image": (["generation", "--height", "256", "--width", "256"], ["eager"]),
    "demo-image-process": (["process", "--height", "256", "--width", "256"], ["eager"]),
}
NAMES = [f"{case}-{dtype}" for case in CASES for dtype in ("float32", "bfloat16")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--against", nargs="+", default=compare.OTHERS, choices=compare.OTHERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("benchmarks"), help="folder of the results")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    results = {"processor": processor(), "cases": {}}
    for name in arguments.cases:
        case, dtype = name.rsplit("-", 1)
        words, engines = CASES[case]
        engines = [engine for engine in engines if engine in arguments.against]
        settings = compare.parse(
            [*words, "--dtype", dtype, "--rounds", str(arguments.rounds), "--runs", str(arguments.runs)]
            + (["--against", *engines] if engines else [])
        )
        figures = compare.compare(settings)
        results["cases"][name] = {"figures": figures, "product": compare.product(dtype, settings.threads)}
        (arguments.output / "results.json").write_text(json.dumps(results, indent=1))
        (arguments.output / "results.md").write_text("\n".join(table(results)) + "\n")
        plot(results, arguments.output / "results.svg")
    print("\n".join(table(results)))


def processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def ratios(figures: dict, engine: str) -> list[float]:
    """How many times as long an engine takes, round by round."""
    return [b["median_seconds"] / a["median_seconds"] for a, b in zip(figures["visualgen"], figures[engine])]


def table(results: dict) -> list[str]:
    lines = [
        f"Processor: {results['processor']}",
        "",
        "| case | engine | seconds | times VisualGen's | once before the first | peak memory | of the roof |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, case in results["cases"].items():
        for engine, rounds in case["figures"].items():
            seconds = statistics.median(one["median_seconds"] for one in rounds)
            ready = statistics.median(one["ready_seconds"] for one in rounds)
            memory = max(one["peak_memory_bytes"] for one in rounds) / 1e9
            ratio = statistics.median(ratios(case["figures"], engine))
            cells = [name, engine, f"{seconds:.3f}", f"{ratio:.2f}", f"{ready:.1f} s", f"{memory:.2f} GB"]
            share = roof(case, seconds) if engine == "visualgen" else None
            cells.append(f"{share:.0%}" if share else "")
            lines.append(f"| {' | '.join(cells)} |")
    return lines


def roof(case: dict, seconds: float) -> float | None:
    """The rate of VisualGen's products as a share of the rate of one product alone."""
    ours = case["figures"]["visualgen"][0]
    if "gflops_per_second" not in ours:
        return None
    operations = ours["gflops_per_second"] * ours["median_seconds"]
    return operations / seconds / case["product"]["gflops_per_second"]


def plot(results: dict, path: Path) -> None:
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    bars = [
        (f"{name}, {engine}", statistics.median(ratios(case["figures"], engine)))
        for name, case in results["cases"].items()
        for engine in case["figures"]
        if engine != "visualgen"
    ]
    if not bars:
        return
    figure, axes = pyplot.subplots(figsize=(8, 0.6 + 0.3 * len(bars)))
    axes.barh([label for label, _ in bars], [ratio for _, ratio in bars])
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("times as long as VisualGen")
    axes.set_title(results["processor"], fontsize=9)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


if __name__ == "__main__":
    main()
