"""Makes the quantised tiny checkpoints: transformers in `checkpoints/quantised`, exported by NVIDIA's ModelOpt.

`modelopt_models.py` says what each is. Wider bases are beside them in 16 bits, which hold their weights exactly.
Configs lose the path that they were loaded from, and headers with several entries are written again in sorted order:
ModelOpt's own order differs from run to run. Everything else is ModelOpt's own bytes.
"""

import argparse
import contextlib
import io
import json
import shutil

from common import DTYPE_NAMES, save_tensors, write_json

from modelopt.torch.export import export_hf_checkpoint
from safetensors import safe_open

import modelopt_models as models

# Wan's would be large.
BASES = ("flux1", "flux2", "qwen-image", "ltx2")


def tidied(folder):
    """Makes the files of an export the same in every run."""
    path = folder / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    write_json(path, {key: value for key, value in config.items() if key != "_name_or_path"})
    path = folder / "diffusion_pytorch_model.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {key: file.get_tensor(key) for key in file.keys()}
    if len(metadata) > 1:
        save_tensors(path, tensors, metadata)
    return tensors


def export(name):
    """A quantised checkpoint."""
    folder = models.QUANTISED / name
    shutil.rmtree(folder, ignore_errors=True)
    with contextlib.redirect_stdout(io.StringIO()):
        export_hf_checkpoint(models.prepared(name), export_dir=folder, **models.OPTIONS.get(name, {}))
    tensors = tidied(folder)
    count = {}
    for key, value in tensors.items():
        kind = f"{DTYPE_NAMES[value.dtype]} {key.rsplit('.', 1)[-1]}"
        count[kind] = count.get(kind, 0) + 1
    size = sum(path.stat().st_size for path in folder.iterdir())
    print(f"{name}: {size} bytes, {dict(sorted(count.items()))}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="which exports to make; all, and the bases, if none is named")
    names = parser.parse_args().names
    if not names:
        for name in BASES:
            models.write_base(name, models.QUANTISED / name)
    for name in names or models.EXPORTS:
        export(name)


if __name__ == "__main__":
    main()
