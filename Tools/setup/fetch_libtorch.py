"""Fetches LibTorch (the `torch` wheel and the two CUDA stubs that it loads) and unpacks what the engine links.

Every file is pinned by its hash. An interrupted download goes on where it stopped; nothing is unpacked before its hash
is right, and the folder appears under its final name only when it is whole.

    python3 Tools/setup/fetch_libtorch.py FOLDER
"""

import hashlib
import html
import os
import re
import shutil
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

# name, version, file, SHA-256, and which members to keep: prefix in the wheel -> folder of ours
TORCH_LIBRARIES = ("libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_global_deps.so", "libgomp.so.1")
WHEELS = [
    (
        "torch",
        "2.11.0",
        "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        lambda name: name.startswith("torch/include/") or name in {f"torch/lib/{lib}" for lib in TORCH_LIBRARIES},
    ),
    (
        "nvidia-cuda-runtime",
        "13.0.96",
        "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        lambda name: name == "nvidia/cu13/lib/libcudart.so.13",
    ),
    (
        "nvidia-cuda-cupti",
        "13.0.85",
        "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        lambda name: name == "nvidia/cu13/lib/libcupti.so.13",
    ),
]
CHUNK = 1 << 20


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: fetch_libtorch.py FOLDER")
    target = Path(sys.argv[1])
    marker = stamp()
    if (target / "STAMP").is_file() and (target / "STAMP").read_text() == marker:
        return
    downloads = target.parent / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    wheels = [fetch(downloads, *wheel[:4]) for wheel in WHEELS]
    staging = target.with_name(f"{target.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)
    for path, wheel in zip(wheels, WHEELS):
        unpack(path, staging, keep=wheel[4])
    (staging / "STAMP").write_text(marker)
    shutil.rmtree(target, ignore_errors=True)
    staging.rename(target)
    shutil.rmtree(downloads)
    print(f"LibTorch is in {target}")


def stamp() -> str:
    """What a whole folder says of itself: the hashes of the wheels it came from."""
    return "\n".join(f"{wheel[2]} {wheel[3]}" for wheel in WHEELS) + "\n"


def fetch(folder: Path, name: str, version: str, filename: str, sha256: str) -> Path:
    """Returns the checked wheel, downloading what is missing of it."""
    path = folder / filename
    if path.is_file() and digest(path) == sha256:
        return path
    try:
        download(locate(name, filename), path.with_suffix(".part"))
        path.with_suffix(".part").replace(path)
    except (OSError, LookupError, ImportError) as error:
        print(f"{filename}: {error}; asking pip for it", file=sys.stderr)
        pip_download(folder, name, version)
    if not path.is_file():
        sys.exit(f"{filename} could not be downloaded")
    if digest(path) != sha256:
        path.unlink()
        sys.exit(f"{filename} does not have the expected SHA-256 {sha256}; it was deleted, run the command again")
    return path


def locate(name: str, filename: str) -> str:
    """The address of a file, read from the package index that pip is configured for."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True
    )
    index = os.environ.get("PIP_INDEX_URL") or configured.stdout.strip()
    if not index:
        from pip._internal.models.index import PyPI

        index = PyPI.simple_url
    page = f"{index.rstrip('/')}/{name}/"
    with urllib.request.urlopen(page, timeout=60) as response:
        links = re.findall(r'href="([^"]+)"', response.read().decode())
    for link in links:
        address = urllib.parse.urljoin(page, html.unescape(link)).split("#")[0]
        if urllib.parse.unquote(address.rsplit("/", 1)[-1]) == filename:
            return address
    raise LookupError(f"the package index does not list {filename}")


def download(address: str, part: Path) -> None:
    """Downloads to `part`, going on from what is already there."""
    for attempt in range(5):
        have = part.stat().st_size if part.is_file() else 0
        request = urllib.request.Request(address, headers={"Range": f"bytes={have}-"} if have else {})
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                resumed = response.status == 206
                left = int(response.headers.get("Content-Length", 0))
                total = left + (have if resumed else 0)
                with open(part, "ab" if resumed else "wb") as file:
                    copy(response, file, total, part.stem)
            if not total or part.stat().st_size == total:
                return
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing is left to ask for
                return
            raise
        except OSError:
            if attempt == 4:
                raise
    raise OSError("the connection broke five times")


def copy(response, file, total: int, name: str) -> None:
    """Copies a response to a file, with the progress on a terminal."""
    while block := response.read(CHUNK):
        file.write(block)
        if sys.stderr.isatty() and total:
            print(f"\r{name[:40]}: {100 * file.tell() // total:3d} %", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)


def pip_download(folder: Path, name: str, version: str) -> None:
    """The plain way: pip itself, without resuming."""
    platforms = ["manylinux_2_28_x86_64", "manylinux_2_25_x86_64", "manylinux2014_x86_64", "manylinux_2_17_x86_64"]
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", "3.11"]
    command += [argument for platform in platforms for argument in ("--platform", platform)]
    subprocess.run(command + ["--dest", str(folder), f"{name}=={version}"], check=False)


def digest(path: Path) -> str:
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(CHUNK):
            sha256.update(block)
    return sha256.hexdigest()


def unpack(wheel: Path, target: Path, keep) -> None:
    """Writes the kept members, `…/include/` and `…/lib/` becoming `include/` and `lib/`."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not keep(member.filename):
                continue
            parts = Path(member.filename).parts
            start = next(index for index, part in enumerate(parts) if part in ("include", "lib"))
            path = target.joinpath(*parts[start:])
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, CHUNK)


if __name__ == "__main__":
    main()
