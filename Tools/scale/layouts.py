"""Every layout of 1, 2, 3, 4 and 8 ranks that parallel_config can say, on CPUs, with a tiny model of each family.

    python3 Tools/scale/layouts.py .build/release/visualgen --output layouts.jsonl

Each request is made by `visualgen generate`, which starts its ranks itself, one thread each, and all intermediate results are
held against those of one process. Prints a Markdown table; what is in the file already is not run again. Python alone is needed.
Ends with status 1 if a distance is more than the limit, two runs differ, or a layout fails otherwise than with a reason.
"""

import argparse
import array
import json
import os
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKPOINTS = Path(__file__).resolve().parents[2] / "Tests/Goldens/checkpoints"
SIZES = (1, 2, 3, 4, 8)
# Sums over parts are rounded in another order, and decoders make more of that than there was in the latents.
LIMIT = 1e-4

IMAGE = ["--height=48", "--width=80"]
BAD = ["--negative-prompt=bad"]
FAMILIES = {
    "FLUX.1": ("flux1-tiny-dev", [*IMAGE, *BAD, "--max-sequence-length=27", "--extra=true_cfg_scale=2"]),
    "FLUX.2": ("flux2-tiny-klein-base", [*IMAGE, *BAD, "--max-sequence-length=27"]),
    "Qwen-Image": ("qwen-image-tiny", [*IMAGE, *BAD, "--extra=true_cfg_scale=3"]),
    "Wan": ("wan2.1-tiny-t2v", [*IMAGE, *BAD, "--num-frames=5"]),
    "LTX-2": ("ltx2-tiny", ["--height=96", "--width=288", "--num-frames=17", "--frame-rate=25", "--max-sequence-length=32"]),
    "Cosmos3": ("cosmos3-tiny", [*IMAGE, "--num-frames=9", "--guidance-scale=3", "--extra=enable_audio=true"]),
}
PROMPT = "A cat holding a sign that says hello world."


def divisors(number):
    return [part for part in range(1, number + 1) if number % part == 0]


def contexts(size):
    """Rings and meshes of so many ranks."""
    if size == 1:
        return [{}]
    return [{"ring_size": size}] + [{"attn2d_size": [rows, size // rows]} for rows in reversed(divisors(size))]


def layouts():
    """All factors of each size, with all ranks decoding together; and other ways to decode of one layout of each size."""
    for size in SIZES:
        for cfg in [part for part in (1, 2) if size % part == 0]:
            for tp in divisors(size // cfg):
                for ulysses in divisors(size // cfg // tp):
                    for context in contexts(size // cfg // tp // ulysses):
                        sizes = {"cfg_size": cfg, "tp_size": tp, **context, "ulysses_size": ulysses, "parallel_vae_size": size}
                        yield {name: value for name, value in sizes.items() if value != 1}
        if size > 1:
            ring = {"ring_size": size}
            yield ring
            yield ring | {"parallel_vae_size": size, "parallel_vae_split_dim": "height"}
            if size % 2 == 0:
                branches = {"cfg_size": 2} | ({"ring_size": size // 2} if size > 2 else {})
                yield branches
                if size > 2:
                    yield branches | {"parallel_vae_size": size // 2}
    for wrong in ({"ring_size": 2, "attn2d_size": [2, 1]}, {"parallel_vae_size": 2}, {"cfg_size": 3},
                  {"cfg_size": 2, "ring_size": 2, "parallel_vae_size": 3}):  # fmt: skip
        yield wrong


def ranks(layout):
    sizes = [layout.get(name, 1) for name in ("cfg_size", "tp_size", "ring_size", "ulysses_size")]
    result = 1
    for size in [*sizes, *layout.get("attn2d_size", [])]:
        result *= size
    return result


def title(layout):
    """The sizes above 1; how many decode together only if that is not all."""
    words = [f"{name.removesuffix('_size')} {value}" for name, value in layout.items() if not name.startswith("parallel_vae")]
    decoding = layout.get("parallel_vae_size", 1)
    if decoding != ranks(layout):
        words.append(f"decoding {decoding}")
    if "parallel_vae_split_dim" in layout:
        words.append("decoding in rows")
    return ", ".join(words) or "one process"


def read(path):
    """The tensors of a safetensors file in 32-bit floats, by their names."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        if entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            tensors[name] = array.array("f", data[8 + length + start : 8 + length + end])
    return tensors


def distance(found, expected):
    """The largest over all tensors, relative to the largest number of each, or to 1."""
    if found.keys() != expected.keys() or any(len(found[name]) != len(expected[name]) for name in expected):
        return float("inf")
    worst = 0.0
    for name, numbers in expected.items():
        if found[name] == numbers:
            continue
        size = max(1.0, max(abs(number) for number in numbers))
        if any(number != number for number in found[name]):
            return float("inf")
        worst = max(worst, max(abs(a - b) for a, b in zip(found[name], numbers)) / size)
    return worst


def generate(program, family, layout, folder):
    """All intermediate results, or the sentence of the refusal."""
    model, options = FAMILIES[family]
    config, trace = folder / "config.yaml", folder / "trace.safetensors"
    needs_sums = "ring_size" in layout or "attn2d_size" in layout
    config.write_text(json.dumps({
        "parallel_config": layout, "attention_config": {"backend": "FA4" if needs_sums else "VANILLA"},
    }))  # fmt: skip
    trace.unlink(missing_ok=True)
    name = {"FLUX.1": "o.png", "FLUX.2": "o.png", "Qwen-Image": "o.png", "Cosmos3": "o.mp4"}.get(family, "o.gif")
    command = [program, "generate", "--config", config, "--model", CHECKPOINTS / model, "--prompt", PROMPT, "--seed=7", "--quiet",
               "--threads=1", "--num-inference-steps=2", *options, "--trace", trace, "--output", folder / name]  # fmt: skip
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=600)
    if done.returncode == 0:
        return read(trace), None
    # The sentences of a file's problems follow its name.
    sentences = re.sub(r"\s+", " ", done.stderr.strip()).removeprefix("visualgen: ")
    return None, sentences.removeprefix(str(config)).removeprefix(": ")


def measured(program, family, layout, alone, folder):
    """What a run gave, and for layouts of 4 ranks whether a second one gives the same."""
    found, refusal = generate(program, family, layout, folder)
    if found is None:
        return {"refusal": refusal}
    result = {"distance": distance(found, alone)}
    if ranks(layout) == 4:
        again, refusal = generate(program, family, layout, folder)
        if again is None:
            return {"refusal": refusal}
        result["same"] = again == found
    return result


def reason(result):
    """The sentence of a refusal alone."""
    return re.sub(r"^visualgen: \S+: |^ ", "", result.get("refusal", ""))


def cell(result, reasons):
    if "refusal" in result:
        sentence = reason(result)
        if "does not divide the model's" in sentence:
            return "heads"
        if sentence not in reasons:
            reasons.append(sentence)
        return f"({reasons.index(sentence) + 1})"
    return "0" if result["distance"] == 0 else f"{result['distance']:.0e}".replace("e-0", "e-")


def table(results, families):
    reasons = []
    print("| ranks | layout | " + " | ".join(families) + " |")
    print("|---" * (len(families) + 2) + "|")
    for layout in layouts():
        row = [results.get((family, json.dumps(layout))) for family in families]
        if any(row):
            cells = [cell(result, reasons) if result else "not run" for result in row]
            print(f"| {ranks(layout)} | {title(layout)} | " + " | ".join(cells) + " |")
    print()
    for number, sentence in enumerate(reasons, 1):
        print(f"({number}) {sentence}")
    for family in families:
        heads = [reason(result) for key, result in results.items() if key[0] == family and "does not divide" in reason(result)]
        if heads:
            print(f"heads, {family}: {heads[0]}")
    again = [result["same"] for result in results.values() if "same" in result]
    print(f"\n{len(results)} requests; {again.count(True)} of {len(again)} that were made twice had the same bits.")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--output", type=Path, required=True, help="what was found, a line for each request")
    parser.add_argument("--families", nargs="*", default=list(FAMILIES), choices=list(FAMILIES))
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SIZES), help="only layouts of so many ranks")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    results = {}
    if arguments.output.exists():
        for line in arguments.output.read_text().splitlines():
            entry = json.loads(line)
            if " is lost" in entry["result"].get("refusal", ""):
                continue  # on a busy machine a rank may say nothing for too long
            results[entry["family"], json.dumps(entry["layout"])] = entry["result"]
    with tempfile.TemporaryDirectory() as folder, arguments.output.open("a") as file:
        for family in arguments.families:
            alone = None
            for layout in layouts():
                key = family, json.dumps(layout)
                if key in results or ranks(layout) not in arguments.sizes:
                    continue
                if alone is None:
                    alone, refusal = generate(arguments.program, family, {}, Path(folder))
                    if alone is None:
                        sys.exit(f"{family} by one process: {refusal}")
                results[key] = measured(arguments.program, family, layout, alone, Path(folder))
                file.write(json.dumps({"family": family, "layout": layout, "result": results[key]}) + "\n")
                file.flush()
    table(results, arguments.families)
    failed = [key for key, result in results.items()
              if not result.get("same", True) or result.get("distance", 0) > LIMIT
              or "refusal" in result and "parallel_config" not in result["refusal"]]  # fmt: skip
    for family, layout in failed:
        print(f"{family} {layout}: {results[family, layout]}", file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
