"""Fetches LibTorch (the `torch` wheel and the two CUDA stubs that it loads) and unpacks what the engine links; for GPUs,
also its CUDA half and NVIDIA's libraries, headers and compiler.

Every file is pinned by its hash. An interrupted download goes on where it stopped; nothing is unpacked before its hash
is right, and the folder gets its name in one step when it is whole. Programs that run from it never miss a file: what had
the name before stays until then, the CPU's folder and the GPU's lie side by side, and of several set-ups at once one works
and the others wait.

    python3 Tools/setup/fetch_libtorch.py FOLDER [cpu|cuda]

FOLDER ends in -cuda for GPUs (libtorch.sh).
"""

import contextlib
import ctypes
import errno
import fcntl
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
TORCH_LIBRARIES = {"libc10.so", "libtorch_cpu.so", "libtorch.so", "libtorch_global_deps.so", "libgomp.so.1"}
CUDA_LIBRARIES = TORCH_LIBRARIES | {
    "libc10_cuda.so", "libtorch_cuda.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so", "libtorch_cuda_linalg.so"
}


def is_torch(name: str, libraries: set[str] = TORCH_LIBRARIES) -> bool:
    return name.startswith("torch/include/") or name in {f"torch/lib/{library}" for library in libraries}


def is_torch_cuda(name: str) -> bool:
    return is_torch(name, CUDA_LIBRARIES)


def is_library(name: str) -> bool:
    return "/lib/" in name and ".so" in name


def is_nccl(name: str) -> bool:
    return is_library(name) or name.endswith("/include/nccl.h")


def is_header_or_library(name: str) -> bool:
    return is_library(name) or "/include/" in name


def is_compiler(name: str) -> bool:
    return is_header_or_library(name) or "/bin/" in name or "/nvvm/" in name


TORCH = (
    "torch",
    "2.11.0",
    "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
)
CUDA_RUNTIME = (
    "nvidia-cuda-runtime",
    "13.0.96",
    "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
)
CUPTI = (
    "nvidia-cuda-cupti",
    "13.0.85",
    "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
    "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
)
WHEELS = {
    "cpu": [
        (*TORCH, is_torch),
        (*CUDA_RUNTIME, lambda name: name == "nvidia/cu13/lib/libcudart.so.13"),
        (*CUPTI, lambda name: name == "nvidia/cu13/lib/libcupti.so.13"),
    ],
    # The versions that the torch wheel asks for, and the headers that CUDA's own include.
    "cuda": [
        (*TORCH, is_torch_cuda),
        (*CUDA_RUNTIME, is_header_or_library),
        (*CUPTI, lambda name: name == "nvidia/cu13/lib/libcupti.so.13"),
        (
            "nvidia-cuda-crt",
            "13.0.88",
            "nvidia_cuda_crt-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
            is_header_or_library,
        ),
        (
            "nvidia-cublas",
            "13.1.0.3",
            "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
            "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
            is_library,
        ),
        (
            "nvidia-cudnn-cu13",
            "9.19.0.56",
            "nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
            "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
            is_library,
        ),
        (
            "nvidia-cufft",
            "12.0.0.61",
            "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
            is_library,
        ),
        (
            "nvidia-cufile",
            "1.15.1.6",
            "nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
            is_library,
        ),
        (
            "nvidia-curand",
            "10.4.0.35",
            "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
            "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
            is_library,
        ),
        (
            "nvidia-cusolver",
            "12.0.4.66",
            "nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl",
            "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
            is_library,
        ),
        (
            "nvidia-cusparse",
            "12.6.3.3",
            "nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
            is_library,
        ),
        (
            "nvidia-cusparselt-cu13",
            "0.8.0",
            "nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl",
            "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
            is_library,
        ),
        (
            "nvidia-nccl-cu13",
            "2.28.9",
            "nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl",
            "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
            is_nccl,
        ),
        (
            "nvidia-nvshmem-cu13",
            "3.4.5",
            "nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
            is_library,
        ),
        (
            "nvidia-nvjitlink",
            "13.0.88",
            "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
            "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
            is_library,
        ),
        (
            "nvidia-cuda-nvrtc",
            "13.0.88",
            "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
            "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
            is_library,
        ),
        # What compiles our own kernels.
        (
            "nvidia-cuda-nvcc",
            "13.0.88",
            "nvidia_cuda_nvcc-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03",
            is_compiler,
        ),
        (
            "nvidia-nvvm",
            "13.0.88",
            "nvidia_nvvm-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
            "c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0",
            is_compiler,
        ),
        (
            "nvidia-cuda-cccl",
            "13.0.85",
            "nvidia_cuda_cccl-13.0.85-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
            "e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649",
            is_compiler,
        ),
    ],
}
# What a folder of these wheels has that their hashes do not tell.
KEPT = {"cpu": [], "cuda": ["nccl.h"]}
CHUNK = 1 << 20
FOLDERS = ("bin", "include", "lib", "nvvm")


def main() -> None:
    if len(sys.argv) not in (2, 3) or (sys.argv[2:] or ["cpu"])[0] not in WHEELS:
        sys.exit("usage: fetch_libtorch.py FOLDER [cpu|cuda]")
    target = Path(sys.argv[1])
    device = (sys.argv[2:] or ["cpu"])[0]
    if serves(target, device):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with alone(target.parent / ".libtorch.lock"):
        if serves(target, device):
            return
        staging = target.with_name(f"{target.name}.unpacking")
        shutil.rmtree(staging, ignore_errors=True)
        other = sibling(target)
        if serves(other, device):
            adopt(other, staging)
        else:
            download_all(target.parent / "downloads", staging, device)
        place(staging, target)
        shutil.rmtree(target.parent / "downloads", ignore_errors=True)
    print(f"LibTorch is in {target}")


def serves(folder: Path, device: str) -> bool:
    """Whether a folder is whole; one for GPUs serves the CPU too."""
    with contextlib.suppress(OSError):
        return (folder / "STAMP").read_text() in (stamp(device), stamp("cuda"))
    return False


def sibling(target: Path) -> Path:
    """The other device's folder. Before there were two, the one without `-cuda` was either's."""
    name = target.name.removesuffix("-cuda")
    return target.with_name(name if name != target.name else f"{name}-cuda")


@contextlib.contextmanager
def alone(lock: Path):
    """Waits until no other set-up is at work."""
    with open(lock, "w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("another set-up is fetching LibTorch; waiting for it", file=sys.stderr, flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def adopt(source: Path, staging: Path) -> None:
    """Makes the same folder of the same files: nothing is copied where the file system has hard links."""
    shutil.copytree(source, staging, symlinks=True, copy_function=link)


def link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def download_all(downloads: Path, staging: Path, device: str) -> None:
    downloads.mkdir(exist_ok=True)
    wheels = [fetch(downloads, *wheel[:4]) for wheel in WHEELS[device]]
    for path, wheel in zip(wheels, WHEELS[device]):
        unpack(path, staging, keep=wheel[4])
    (staging / "STAMP").write_text(stamp(device))


def place(staging: Path, target: Path) -> None:
    """Gives a folder its name in one step; what had the name goes away afterwards."""
    if target.exists():
        exchange(staging, target)
        shutil.rmtree(staging)
    else:
        staging.rename(target)


def exchange(one: Path, other: Path) -> None:
    """Lets two folders change their names in one step, or in two where the file system cannot."""
    in_this_folder, exchanging = -100, 2
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.renameat2(in_this_folder, bytes(one), in_this_folder, bytes(other), exchanging) == 0:
        return
    if ctypes.get_errno() not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))
    aside = other.with_name(f"{other.name}.before")
    shutil.rmtree(aside, ignore_errors=True)
    other.rename(aside)
    one.rename(other)
    aside.rename(one)


def stamp(device: str) -> str:
    """What a whole folder says of itself: the hashes of the wheels it came from."""
    return "\n".join([*(f"{wheel[2]} {wheel[3]}" for wheel in WHEELS[device]), *KEPT[device]]) + "\n"


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
    """Writes the kept members, `…/include/` and `…/lib/` becoming `include/` and `lib/`, and so for FOLDERS."""
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            if member.is_dir() or not keep(member.filename):
                continue
            parts = Path(member.filename).parts
            start = next(index for index, part in enumerate(parts) if part in FOLDERS)
            path = target.joinpath(*parts[start:])
            path.parent.mkdir(parents=True, exist_ok=True)
            with archive.open(member) as source, open(path, "wb") as file:
                shutil.copyfileobj(source, file, CHUNK)
            path.chmod(0o644 | member.external_attr >> 16 & 0o111)


if __name__ == "__main__":
    main()
