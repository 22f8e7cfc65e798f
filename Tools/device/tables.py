"""The Markdown tables of what suite.py found."""

import statistics

import shared
import subjects


def engines(results):
    """Rounds by engine."""
    groups = {}
    for key, figures in results.items():
        if key.split()[0] in ("visualgen", "eager", "compiled"):
            groups.setdefault(key.split()[0], []).append(figures)
    return groups


def gigabytes(runs, field):
    values = [run["memory"][field] for run in runs if run.get("memory")]
    return f"{max(values) / 1e9:.1f}" if values else ""


def each(runs, field, factor=1.0, places=1):
    """A figure of every round."""
    return ", ".join(f"{factor * run[field]:.{places}f}" for run in runs if run.get(field) is not None)


def timing_table(results, rate):
    """One row an engine; seconds of every round."""
    groups, rows = engines(results), []
    ours = [run["step"] for run in groups.get("visualgen", [])]
    for engine, runs in groups.items():
        steps = [run["step"] for run in runs]
        share = f"{runs[0]['operations'] / statistics.median(steps) / rate:.1%}" if rate else ""
        ratio = f"{statistics.median(steps) / statistics.median(ours):.2f}" if ours else ""
        rows.append([
            engine if engine == "visualgen" else f"diffusers {engine}", each(runs, "step", 1000), ratio, share,
            each(runs, "ready"), each(runs, "first"), each(runs, "text", 1, 2), each(runs, "first_decode", 1, 2),
            each(runs, "decode", 1, 2), gigabytes(runs, "peak_allocated_bytes"), gigabytes(runs, "peak_reserved_bytes"),
        ])  # fmt: skip
    heads = ["engine", "ms a step", "times ours", "of the roof", "ready, s", "first result, s", "text, s",
             "first decoding, s", "later, s", "allocated, GB", "reserved, GB"]  # fmt: skip
    return shared.table(heads, rows)


def report(results):
    """Everything as Markdown."""
    parts = []
    rates = results.get("card", {}).get("rates", {})
    if rates:
        parts.append(rates["description"])
    goldens = results.get("goldens", {})
    for title, part in (("goldens", goldens.get("float32")), ("quantised ones", goldens.get("quantised"))):
        if part:
            kinds = ", ".join(f"{kind} {distance:.1e}" for kind, distance in sorted(part["kinds"].items()))
            within = part["count"] - len(part["beyond"])
            parts.append(f"{within} of {part['count']} {title} within {part['limit']:g}: {kinds}")
    if "bfloat16" in goldens:
        parts.append("bfloat16, distance from the golden, VisualGen's / diffusers'")
        parts.append(shared.table(goldens["bfloat16"]["heads"], goldens["bfloat16"]["rows"]))
    for model, (right, count) in results.get("demo", {}).get("right", {}).items():
        parts.append(f"{model}: " + (f"not judged of {count}" if right is None else f"{right:.1%} of {count} as asked"))
    for family, subject in subjects.SUBJECTS.items():
        found = results.get(family, {})
        if engines(found):
            operations = next(iter(engines(found).values()))[0]["operations"]
            parts.append(f"{subject['title']}, bfloat16, {operations / 1e12:.1f} TFLOP a step")
            parts.append(timing_table(found, rates.get("product_rate")))
        for engine in ("visualgen", "eager"):
            profile = found.get(f"profile {engine}")
            if profile:
                step = engines(found).get(engine, [{}])[0].get("step")
                share = f", {profile['total'] / step:.1%} of the step's {1000 * step:.1f} ms" if step else ""
                parts.append(f"{subject['title']}, {engine}: a step's {profile['kernels']} kernels take "
                             f"{1000 * profile['total']:.2f} ms{share}")  # fmt: skip
                parts.append(shared.table(["ms", "share", "calls", "kernel"], profile["rows"]))
    return "\n\n".join(parts)
