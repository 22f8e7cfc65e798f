"""Every pipeline golden of Tests/Goldens through VisualGen on a device, compared stage by stage.

    python goldens.py --device cuda --program ../../.build/release/visualgen --jobs 6

In float32 each traced tensor may be 1e-3 away (relative to max(1, |value|)), bytes of the output one level. Where the
transformer is quantised, the norm of the difference may be 2e-2 of the golden's, or what its `floors.json` says: an input in
the middle between two quantised numbers goes to the other one. In bfloat16 (one case of each checkpoint) VisualGen must be no further from the
golden than diffusers' own bfloat16 run on the same device is, by the norm of the difference. Ends with status 1 if
anything is.
"""

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import shared

shared.use("reference")

import torch
from safetensors.torch import load_file

from golden_requests import names, options, quantised_names, read

BFLOAT16 = ["flux1/dev", "flux1/dev-true-cfg", "flux1/schnell", "flux2/dev", "flux2/klein", "flux2/klein-base",
            "qwen-image/plain", "qwen-image/guided", "qwen-image-edit/two", "qwen-image-edit/zero-two-guided",
            "wan/pipelines/t2v", "wan/pipelines/t2v-a14b", "wan/pipelines/i2v", "wan/pipelines/i2v-a14b-last",
            "wan/pipelines/flf2v", "wan/pipelines/ti2v", "wan/pipelines/ti2v-image"]  # fmt: skip


def trace(name, dtype, arguments):
    """VisualGen's trace of a golden's request."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        _, metadata = read(name)
        asked = json.loads(metadata["request"])
        frames = asked.get("num_frames")
        output = "image.png" if frames is None or "cosmos3" in name and frames == 1 else "video/"
        output = "video.mp4" if asked.get("enable_audio") else output
        words = [*options(metadata, folder), *(["--threads", str(arguments.threads)] if arguments.threads else [])]
        _, _, path = shared.generate(
            arguments.program.resolve(), arguments.device, dtype, words, folder, output, 120, trace=True,
            cwd=shared.GOLDENS,
        )  # fmt: skip
        return load_file(path)


def compare(name, arguments, measure):
    """The distances of a float32 run by tensor, and the first line of what went wrong."""
    try:
        found = trace(name, "float32", arguments)
    except (shared.Failure, OSError) as failure:
        return {}, str(failure)
    golden = traced(name)
    if "decoded.rows" in golden:
        found["decoded.rows"] = found["decoded"][:, :, :, ::5]
    if "distilled-i2v" in name:  # the golden's held frames are those before they are put back
        for key in [key for key in golden if key.startswith("latents.step")]:
            found[key], golden[key] = found[key][:, :, 1:], golden[key][:, :, 1:]
    missing = set(golden) - set(found)
    distances = {
        key: levels(found[key], value) if key == "output" else measure(found[key], value)
        for key, value in golden.items()
        if key in found
    }  # fmt: skip
    return distances, f"no {', '.join(sorted(missing))}" if missing else None


def traced(name):
    """A golden's tensors, but for those that no trace holds, and Cosmos3's tokens, which its traces have otherwise."""
    golden, _ = read(name)
    left = ("noise.step", "input_ids", "negative_input_ids") if "cosmos3" in name else ()
    return {key: value for key, value in golden.items()
            if not key.endswith(("timesteps", "sigmas")) and not key.startswith(left)}  # fmt: skip


def levels(found, golden):
    """The largest difference of bytes."""
    return int((found.int() - golden.int()).abs().max()) if found.shape == golden.shape else 255


def share(key, distance, limit):
    """A distance as a share of what it may be; one level of a byte is rounding, and no distance."""
    return (0 if distance <= 1 else distance) if key == "output" else distance / limit


def judged(title, chosen, arguments, pool, measure, limit, own=None):
    """Goldens in float32, the distances, and those beyond the limit or their own, if that is more."""
    results, shares, own = {}, {}, own or {}
    compared = pool.map(lambda name: compare(name, arguments, measure), chosen)
    for name, (distances, error) in zip(chosen, compared):
        most = max(limit, own.get(name, 0))
        worst = max(distances, key=lambda key: share(key, distances[key], most), default=None)
        shares[name] = float("inf") if error else share(worst, distances[worst], most)
        results[name] = {"distances": distances, "worst": worst, "error": error}
        if error or shares[name] > 1 or arguments.verbose:
            print(f"{name}: {error or f'{worst} {distances[worst]:.2e}'}", flush=True)
    bad = [name for name in chosen if shares[name] > 1]
    print(f"{title} on {arguments.device}: {len(chosen) - len(bad)} of {len(chosen)} within {limit:g}; furthest:")
    for name in sorted(shares, key=shares.get, reverse=True)[:5]:
        worst = results[name]["worst"]
        print(f"    {name}: {worst} {results[name]['distances'][worst]:.2e}" if worst else f"    {name}: no result")
    kinds = {}
    for result in results.values():
        for key, distance in result["distances"].items():
            kind = key.split(".step")[0]
            kinds[kind] = max(kinds.get(kind, 0), distance)
    print("    " + ", ".join(f"{kind} {distance:.1e}" for kind, distance in sorted(kinds.items())))
    return {"count": len(chosen), "beyond": bad, "limit": limit, "kinds": kinds, "cases": results}


def float32(chosen, arguments, pool):
    """All goldens in float32."""
    return judged("float32", chosen, arguments, pool, shared.pointwise, arguments.limit)


def quantised(chosen, arguments, pool):
    """Those with a quantised transformer; as on a CPU they may be twice as far as rounding in the last bits moves them."""
    floors = json.loads((shared.GOLDENS / "quantised/floors.json").read_text())["checkpoints"]
    moved = {f"quantised/{name}": 2 * max((mode["pipeline"] for mode in found.get("moved", {}).values()), default=0)
             for name, found in floors.items()}  # fmt: skip
    return judged("quantised, float32", chosen, arguments, pool, shared.relative, arguments.quantised_limit, moved)


def theirs(name, device):
    """diffusers' own bfloat16 run of a golden's request, Wan's with its autoencoder in 32 bits."""
    import flux1_cases
    import flux2_cases
    import qwen_image_cases
    import qwen_image_edit_cases
    import wan_cases

    golden, metadata = read(name)
    asked, family = json.loads(metadata["request"]), name.split("/")[0]
    if family == "wan":
        return wan_cases.Recorder(wan_cases.load(asked, torch.bfloat16).to(device)).run(asked)
    cases = {"flux1": flux1_cases, "flux2": flux2_cases, "qwen-image": qwen_image_cases,
             "qwen-image-edit": qwen_image_edit_cases}[family]  # fmt: skip
    # In 16 bits some versions of PyTorch draw other noise.
    noise = golden["noise" if family == "flux2" else "latents.initial"]
    return cases.Recorder(cases.load(asked["model"], torch.bfloat16).to(device)).run(asked, noise.to(device))


def bfloat16(chosen, arguments, pool):
    """Distances of both bfloat16 runs from the golden, and the cases where ours is further."""
    ours = {name: pool.submit(trace, name, "bfloat16", arguments) for name in chosen}
    bad, rows, heads = [], [], ["case", "prompt_embeds", "last latents", "decoded", ""]
    for name in chosen:
        golden, _ = read(name)
        last = f"latents.step{len(golden['timesteps']) - 1}"
        try:
            with torch.inference_mode():
                runs = ours[name].result(), theirs(name, arguments.device)
        except Exception as failure:  # one case must not end the others
            print(f"{name}: {failure}", flush=True)
            bad.append(name)
            continue
        pairs = [[shared.relative(run[key].float(), golden[key]) for run in runs]
                 for key in ("prompt_embeds", last, "decoded")]  # fmt: skip
        if any(not mine <= other for mine, other in pairs):
            bad.append(name)
        texts = [f"{mine:.2e} / {other:.2e}" for mine, other in pairs]
        rows.append([name, *texts, "further" if name in bad else ""])
    print(f"\nbfloat16 on {arguments.device}, distance from the golden, VisualGen's / diffusers'")
    print(shared.table(heads, rows))
    return {"beyond": bad, "heads": heads, "rows": rows}


def main():
    parser = shared.parser(__doc__)
    parser.add_argument("--program", type=Path, default=shared.PROGRAM)
    parser.add_argument("--jobs", type=int, default=6, help="processes at once")
    parser.add_argument("--threads", type=int, help="of each")
    parser.add_argument("--limit", type=float, default=1e-3)
    parser.add_argument("--quantised-limit", type=float, default=2e-2)
    kinds = {"float32": (float32, names()), "quantised": (quantised, quantised_names()),
             "bfloat16": (bfloat16, BFLOAT16)}  # fmt: skip
    parser.add_argument("--kinds", nargs="+", default=list(kinds), choices=kinds)
    parser.add_argument("--only", default="", help="goldens with this in their name")
    parser.add_argument("--verbose", action="store_true", help="a line for each golden")
    arguments = parser.parse_args()
    start, figures = time.perf_counter(), {}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for kind in arguments.kinds:
            body, among = kinds[kind]
            figures[kind] = body([name for name in among if arguments.only in name], arguments, pool)
    print(f"{time.perf_counter() - start:.0f} s")
    shared.write(arguments.json, figures)
    sys.exit(any(part["beyond"] for part in figures.values()))


if __name__ == "__main__":
    shared.start(main)
