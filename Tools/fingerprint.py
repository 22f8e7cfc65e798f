"""Prints a hash of every trace entry and every file of some twenty requests, to show that a change of code changes no number.

    python3 Tools/fingerprint.py > before          on the commit before
    python3 Tools/fingerprint.py | diff before -   on the one after, on the same machine

The requests run on the tiny checkpoints of Tests/Goldens and on the built-in models: pictures and videos, batches, both
guidances, step caches, tiles, images as input, float32, bfloat16 and float16. Kernels are named, as which of them would be chosen
depends on how fast they are, and there are always two threads. Needs a built program and nothing else; takes half a minute.
"""

import argparse
import hashlib
import json
import os
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINTS = ROOT / "Tests/Goldens/checkpoints"
PICTURES = ROOT / "Tests/Goldens/wan/pictures"
KERNELS = "product.float32=plain,product.bfloat16=plain,attention.bfloat16=pairs"

FLUX = ["--prompt=a fox", "--prompt=two owls", "--seed=3", "--seed=9", "--height=64", "--width=48", "--steps=4"]
WAN = ["--prompt=a boat at sea", "--seed=5", "--height=32", "--width=48", "--num-frames=9", "--steps=4"]
TEACACHE = "{cache_backend: teacache, teacache_thresh: 0.4, coefficients: [0, 0, 0, 1, 0]}"
DUAL_BLOCK = "{cache_backend: cache_dit, Fn_compute_blocks: 1, max_warmup_steps: 1, residual_diff_threshold: 0.9}"


def cases():
    """Name, extension of the output, and arguments of each request."""
    for dtype in ("float32", "bfloat16", "float16"):
        yield f"flux-dev-{dtype}", "png", ["--model=flux1-tiny-dev", *FLUX, f"--dtype={dtype}"]
        yield f"wan-t2v-{dtype}", "mp4", ["--model=wan2.1-tiny-t2v", *WAN, f"--dtype={dtype}"]
    yield "flux-schnell", "webp", ["--model=flux1-tiny-schnell", *FLUX, "--num-images-per-prompt=2"]
    yield "flux-true-cfg", "jpg", ["--model=flux1-tiny-dev", *FLUX, "--negative-prompt=fog", "--extra=true_cfg_scale=2.5"]
    yield "flux-sigmas", "png", ["--model=flux1-tiny-dev", *FLUX[:-1], "--steps=3", "--extra=sigmas=[1, 0.6, 0.2]"]
    yield "flux-teacache", "png", ["--model=flux1-tiny-dev", *FLUX[:-1], "--steps=8", f"--cache-config={TEACACHE}"]
    yield "flux-cache-dit", "png", ["--model=flux1-tiny-dev", *FLUX[:-1], "--steps=8", f"--cache-config={DUAL_BLOCK}",
                                    "--negative-prompt=fog", "--extra=true_cfg_scale=2"]  # fmt: skip
    yield "wan-two-videos", "gif", ["--model=wan2.1-tiny-t2v", *WAN, "--prompt=a train", "--guidance=1", "--fps=10"]
    yield "wan-teacache", "mp4", ["--model=wan2.1-tiny-t2v", *WAN[:-1], "--steps=8", f"--cache-config={TEACACHE}"]
    yield "wan-cache-dit", "mp4", ["--model=wan2.1-tiny-t2v", *WAN[:-1], "--steps=8", f"--cache-config={DUAL_BLOCK}"]
    yield "wan-tiles", "mp4", ["--model=wan2.1-tiny-t2v", *WAN, "--extra=vae_tiling=true"]
    yield "wan-t2v-a14b", "mp4", ["--model=wan2.2-tiny-t2v-a14b", *WAN, "--extra=guidance_scale_2=2"]
    for model in ("wan2.1-tiny-i2v", "wan2.2-tiny-i2v-a14b", "wan2.2-tiny-ti2v-5b"):
        yield model, "mp4", [f"--model={model}", *WAN, "--image=FIRST"]
    yield "wan2.1-tiny-flf2v", "mp4", ["--model=wan2.1-tiny-flf2v", *WAN, "--image=FIRST", "--last-image=LAST"]
    yield "wan-i2v-bfloat16", "mp4", ["--model=wan2.1-tiny-i2v", *WAN, "--image=FIRST", "--dtype=bfloat16"]
    yield "demo-image", "png", ["--model=demo-image", "--prompt=a red circle", "--seed=5", "--steps=4"]
    yield "demo-image-bfloat16", "png", ["--model=demo-image", "--prompt=a red circle", "--seed=5", "--steps=4",
                                         "--dtype=bfloat16"]  # fmt: skip
    yield "demo-video", "mp4", ["--model=demo-video", "--prompt=a blue square moving left", "--seed=5", "--steps=4"]


def entries(path):
    """Each tensor of a trace: name, type and shape, and the hash of its bytes."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    for name, entry in sorted(header.items()):
        if name != "__metadata__":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            yield name, f"{entry['dtype']} {entry['shape']}", short_hash(data[start:end])


def short_hash(data):
    return hashlib.sha256(data).hexdigest()[:16]


def lines(program, name, extension, arguments, folder):
    """What one request prints."""
    pictures = sorted(PICTURES.glob("*.png")) or sys.exit(f"no PNG in {PICTURES}")
    for place, path in (("FIRST", pictures[0]), ("LAST", pictures[-1])):
        arguments = [argument.replace(place, str(path)) for argument in arguments]
    model = arguments[0].removeprefix("--model=")
    if not model.startswith("demo"):
        arguments = [f"--model={CHECKPOINTS / model}", *arguments[1:]]
    (folder / name).mkdir()
    command = [program, "generate", *arguments, "--threads=2", "--quiet", f"--output={folder / name}/output.{extension}",
               f"--trace={folder / name}/trace.safetensors"]  # fmt: skip
    result = subprocess.run(command, env=os.environ | {"VISUALGEN_KERNELS": KERNELS}, capture_output=True, text=True)
    if result.returncode:
        yield f"{name} status {result.returncode}: {result.stderr.strip()}"
        return
    for path in sorted((folder / name).iterdir()):
        if path.suffix == ".safetensors":
            yield from (f"{name} {entry} {kind} {digest}" for entry, kind, digest in entries(path))
        else:
            yield f"{name} {path.name} {short_hash(path.read_bytes())}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=str(ROOT / ".build/release/visualgen"))
    parser.add_argument("cases", nargs="*", help="the requests; all if absent")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for name, extension, arguments in cases():
            if not options.cases or name in options.cases:
                for line in lines(options.program, name, extension, arguments, Path(folder)):
                    print(line, flush=True)


if __name__ == "__main__":
    main()
