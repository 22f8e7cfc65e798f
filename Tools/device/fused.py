"""The shim's fused operators on a card against float64, of every type and of layouts that kernels take and do not take.

    python fused.py --libraries FOLDER     # with libCTorch.so and libCTorchCUDA.so, as native/build.sh makes them

Needs the torch that the libraries were built with. Without --libraries they are built, which takes nvcc and some minutes.
Ends with status 1 if a distance is more than 1.5 units of the type's last place at the size of the numbers.
"""

import argparse
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
import torch.nn.functional as F

NATIVE = Path(__file__).resolve().parents[2] / "native"
CODES = {torch.float32: 1, torch.float16: 2, torch.bfloat16: 3}
Handle = ctypes.c_void_p


class Value(ctypes.Union):
    _fields_ = [("tensor", Handle), ("number", ctypes.c_double), ("integer", ctypes.c_int64), ("dtype", ctypes.c_int)]


class Argument(ctypes.Structure):
    """`ct_argument` of operators.h."""

    _fields_ = [("kind", ctypes.c_int), ("value", Value)]


class Shim:
    def __init__(self, folder: Path):
        self.library = ctypes.CDLL(str(folder / "libCTorch.so"))
        self.library.ct_error_message.restype = ctypes.c_char_p
        self.library.ct_enter_inference_mode()
        self.check(self.library.ct_enter_device(0) == 0)

    def check(self, is_fine: bool) -> None:
        if not is_fine:
            raise RuntimeError(self.library.ct_error_message().decode())

    def handle(self, tensor: torch.Tensor) -> Handle:
        """A copy on the card in the same layout."""
        if tensor.dim() == 4 and tensor.stride(1) == 1 < tensor.shape[1]:  # channels lie last
            axes = (ctypes.c_int64 * 4)(0, 3, 1, 2)
            return self.made("ct_permute", self.handle(tensor.permute(0, 2, 3, 1)), axes, ctypes.c_size_t(4))
        strides, shape = tensor.stride(), tensor.shape
        # What it is a part of, if it is.
        whole = [shape[0], *(before // own for before, own in zip(strides, strides[1:]))]
        host = torch.as_strided(tensor, whole, strides, 0).contiguous()
        sizes = (ctypes.c_int64 * len(whole))(*whole)
        code, count = CODES[tensor.dtype], ctypes.c_size_t(len(whole))
        handle = self.made("ct_from_host", Handle(host.data_ptr()), sizes, count, code, -1)
        handle = self.made("ct_to", handle, code, 0)
        for axis, (stride, size) in enumerate(zip(strides, shape)):
            start = tensor.storage_offset() // stride % whole[axis]
            handle = self.made("ct_slice", handle, *map(ctypes.c_int64, (axis, start, start + size, 1)))
        return handle

    def made(self, name: str, *arguments) -> Handle:
        """The tensor that a function makes."""
        function = getattr(self.library, name)
        function.restype = Handle
        result = function(*arguments)
        self.check(bool(result))
        return Handle(result)

    def argument(self, word) -> Argument:
        if word is None:
            return Argument(0, Value(tensor=None))
        if isinstance(word, torch.Tensor):
            return Argument(0, Value(tensor=self.handle(word)))
        if isinstance(word, int):
            return Argument(2, Value(integer=word))
        return Argument(4, Value(dtype=CODES[word])) if isinstance(word, torch.dtype) else Argument(1, Value(number=word))

    def __call__(self, name: str, *arguments, shape, dtype) -> torch.Tensor:
        words = (Argument * len(arguments))(*map(self.argument, arguments))
        return self.host(self.made("ct_call", name.encode(), words, ctypes.c_size_t(len(words)), None), shape, dtype)

    def two(self, name: str, *arguments, shapes, dtypes) -> list[torch.Tensor]:
        """Of an operator that gives two tensors."""
        words, second = (Argument * len(arguments))(*map(self.argument, arguments)), Handle()
        first = self.made("ct_call", name.encode(), words, ctypes.c_size_t(len(words)), ctypes.byref(second))
        return [self.host(*each) for each in zip((first, second), shapes, dtypes)]

    def host(self, result: Handle, shape, dtype) -> torch.Tensor:
        back = self.made("ct_contiguous", self.made("ct_to", result, CODES[dtype], -1))
        host = torch.empty(shape, dtype=dtype)
        self.check(self.library.ct_to_host(back, Handle(host.data_ptr()), ctypes.c_size_t(host.numel() * host.element_size())) == 0)
        return host


def build(folder: Path) -> None:
    """Both libraries; the files of the first side by side."""
    torch_home = Path(torch.__file__).parent
    toolkit = Path(shutil.which("nvcc") or "/usr/local/cuda/bin/nvcc").resolve().parents[1]
    packages = torch_home.parent / "nvidia/cu13/lib"
    environment = os.environ | {
        "TORCH_HOME": str(torch_home), "CPATH": f"{toolkit}/include",
        "LIBRARY_PATH": f"{torch_home}/lib:{packages}:{toolkit}/lib64",
    }  # fmt: skip
    cuda = subprocess.Popen([NATIVE / "build.sh", folder / "libCTorchCUDA.so"], env=environment)
    objects = []
    compilers = []
    for source in sorted((NATIVE / "Sources/CTorch").glob("*.cpp")):
        objects.append(folder / f"{source.stem}.o")
        compilers.append(subprocess.Popen(
            ["g++", "-std=c++20", "-O2", "-fno-strict-aliasing", "-fPIC", "-fvisibility=hidden", "-isystem", torch_home / "include",
             f"-I{NATIVE}/Sources/CTorch/include", "-c", source, "-o", objects[-1]]))  # fmt: skip
    if any(compiler.wait() for compiler in compilers):
        raise SystemExit("the shim cannot be built")
    gomp = next(torch_home.glob("lib/libgomp*.so*"), None) or "-l:libgomp.so.1"
    subprocess.run(["g++", "-shared", "-o", folder / "libCTorch.so", *objects, f"-L{torch_home}/lib", f"-Wl,-rpath,{torch_home}/lib",
                    "-ltorch_cpu", "-lc10", gomp], check=True)  # fmt: skip
    if cuda.wait():
        raise SystemExit("the CUDA half cannot be built")


def rotated(x, cosine, sine):
    """Interleaved pairs of the last axis, turned; the tables are [tokens, width / 2]."""
    first, second = x.unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack([first * cosine - second * sine, first * sine + second * cosine], -1).flatten(-2)


def moments(x, groups):
    """Count, mean and squared distances of each group's numbers, [batch, groups, 3]."""
    numbers = x.reshape(x.shape[0], groups, -1)
    mean = numbers.mean(-1)
    return torch.stack([torch.full_like(mean, numbers.shape[-1]), mean, (numbers - mean[..., None]).square().sum(-1)], -1)


def cases(dtype):
    """Name, operator, arguments, and the result in float64."""
    torch.manual_seed(0)
    epsilon = 1e-6

    def draw(*shape, of=dtype):
        return torch.randn(*shape, dtype=torch.float64).to(of)

    for width, heads in [(128, 24), (64, 3), (32, 5), (16, 4), (24, 2), (12, 3), (256, 2), (20, 1)]:
        x, weight = draw(2, 9, heads, width), draw(width)
        angles = torch.rand(9, width // 2) * 6
        cosine, sine = angles.cos(), angles.sin()
        wide = draw(2, 9, heads, 3 * width)
        for name, value in [("dense", x), ("a slice", wide[..., width : 2 * width])]:
            normed = F.rms_norm(value.double(), (width,), weight.double(), 1e-6)
            wanted = rotated(normed, cosine.double()[:, None], sine.double()[:, None])
            yield (f"rms_norm_rotary {heads} × {width}, {name}", "rms_norm_rotary",
                   (value, weight, None, None, cosine, sine, epsilon), wanted)  # fmt: skip
            other, other_weight = draw(2, 5, heads, width), draw(width)
            more = torch.rand(5, width // 2) * 6
            behind = rotated(F.rms_norm(other.double(), (width,), other_weight.double(), 1e-6), more.double().cos()[:, None],
                             more.double().sin()[:, None])  # fmt: skip
            tables = [torch.cat([one, two]) for one, two in [(cosine, more.cos()), (sine, more.sin())]]
            yield (f"rms_norm_rotary of two {heads} × {width}, {name}", "rms_norm_rotary",
                   (value, weight, other, other_weight, *tables, epsilon), torch.cat([wanted, behind], 1))  # fmt: skip
        joint = draw(2, 9, heads * width)
        weight = draw(heads * width)
        normed = F.rms_norm(joint.double(), (heads * width,), weight.double(), 1e-6).unflatten(-1, (heads, width))
        wanted = rotated(normed, cosine.double()[:, None], sine.double()[:, None]).flatten(-2)
        yield f"joint {heads} × {width}", "joint_rms_norm_rotary", (joint, weight, cosine, sine, epsilon), wanted
        angles = draw(9, heads, width // 2, of=torch.float32)
        cosine, sine = angles.cos(), angles.sin()
        first, second = normed.unflatten(-1, (2, width // 2)).unbind(-2)
        c, s = cosine.double(), sine.double()
        wanted = torch.stack([first * c - second * s, second * c + first * s], -2).flatten(-3)
        yield f"joint halves {heads} × {width}", "joint_rms_norm_rotary_halves", (joint, weight, cosine, sine, epsilon), wanted
    for batch, channels, groups, *size in [(1, 512, 32, 64, 64), (2, 128, 32, 24, 40), (1, 96, 8, 5, 16), (1, 128, 32, 512, 512),
                                           (2, 32, 4, 5, 8), (1, 64, 1, 8, 8), (1, 64, 64, 3, 8, 16)]:  # fmt: skip
        x, weight, bias = draw(batch, channels, *size) + 3, draw(channels), draw(channels)
        wanted = F.silu(F.group_norm(x.double(), groups, weight.double(), bias.double(), 1e-6))
        yield f"groups {channels} / {groups} × {size}", "group_norm_silu", (x, groups, weight, bias, epsilon), wanted
        if len(size) > 2:
            continue
        last = x.contiguous(memory_format=torch.channels_last)
        if dtype == torch.float32:
            for name, part in [("all", x), ("columns", x[..., 1:-2]), ("all, channels last", last), ("columns, channels last", last[..., 1:-2])]:
                yield (f"group_moments {channels} / {groups} × {size}, {name}", "group_moments", (part, groups),
                       moments(part.double(), groups))  # fmt: skip
        parts = [moments(part, groups) for part in x.double().split([size[1] // 2, size[1] - size[1] // 2], -1)]
        normed = F.group_norm(x.double(), groups, weight.double(), bias.double(), 1e-6)
        yield f"groups {channels} / {groups} × {size}, channels last", "group_norm_silu", (last, groups, weight, bias, epsilon), wanted
        for name, result in [("joint_group_norm", normed), ("joint_group_norm_silu", wanted)]:
            for layout, image in [("first", x), ("last", last)]:
                arguments = (image, torch.stack(parts).float(), weight, bias, epsilon)
                yield f"{name} {channels} / {groups} × {size}, channels {layout}", name, arguments, result
    for width in [3072, 1536, 520, 2560, 4096, 5120, 6144, 192, 68, 10, 8192]:
        x = draw(2, 7, width)
        for of in {dtype, torch.float32}:
            scale, shift = draw(2, width, of=of), draw(2, width, of=of)
            wanted = F.layer_norm(x.double(), (width,), eps=1e-6) * (1 + scale.double()[:, None]) + shift.double()[:, None]
            yield f"modulated {width}, {of}", "modulated_layer_norm", (x, scale, shift, epsilon, dtype), wanted
            wanted = F.rms_norm(x.double(), (width,), eps=1e-6) * (1 + scale.double()[:, None]) + shift.double()[:, None]
            yield f"modulated RMS {width}, {of}", "modulated_rms_norm", (x, scale, shift, epsilon, dtype), wanted
        residual, gate = draw(2, 7, width), draw(2, width)
        wanted = residual.double() + gate.double()[:, None] * x.double()
        yield f"gated {width}", "gated_add", (residual, gate, x), wanted
        weight = draw(width)
        wanted = F.silu(F.rms_norm(x.double(), (width,), weight.double(), 1e-6))
        yield f"silu {width}", "rms_norm_silu", (x, weight, epsilon), wanted
        wide, other = draw(2, 7, 3 * width), draw(2, 7, 2 * width)
        for name, gate, value in [("dense", draw(2, 7, width), x), ("slices", wide[..., :width], wide[..., width : 2 * width])]:
            wanted = F.silu(gate.double()) * value.double()
            yield f"swiglu {width}, {name}", "swiglu", (gate, value, None), wanted
            yield f"swiglu {width}, {name}, beside", "swiglu", (gate, value, other), torch.cat([other.double(), wanted], -1)


def attention_distances(shim, dtype):
    """Name, and how far attention to some of the keys and its log-sum-exp are from float64, over what they may be."""
    torch.manual_seed(1)
    shapes = [(2, 3, 37, 53, 64, None), (2, 3, 37, 53, 64, (2, 1, 1, 53)), (1, 4, 200, 77, 128, (1, 4, 200, 77)),
              (1, 24, 512, 1000, 128, None), (1, 2, 65, 130, 256, None)]  # fmt: skip
    for batch, heads, tokens, keys, width, masked in shapes:
        query, key, value = (torch.randn(batch, heads, count, width).to(dtype) for count in (tokens, keys, keys))
        mask = torch.randn(masked).to(dtype) if masked else None
        scores = query.double() @ key.double().transpose(2, 3) / width**0.5 + (mask.double() if masked else 0)
        wanted = scores.softmax(-1) @ value.double(), scores.logsumexp(-1)
        found = shim.two("attention_part", query, key, value, mask, width**-0.5, shapes=[wanted[0].shape, wanted[1].shape],
                         dtypes=[dtype, torch.float32])  # fmt: skip
        # In float32 what is added up over width and keys rounds too.
        bound = torch.finfo(dtype).eps * (8 if dtype != torch.float32 else 32)
        for what, a, b in zip(("result", "log-sum-exp"), found, wanted):
            yield f"attention {heads} × {tokens} of {keys} × {width}, mask {masked}, {what}", (a.double() - b).abs().max().item() / bound


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--libraries", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        libraries = arguments.libraries or Path(folder)
        if not arguments.libraries:
            build(libraries)
        shim = Shim(libraries.resolve())
    failed = 0
    for dtype in CODES:
        worst, count = 0.0, 0
        for name, operator, words, wanted in cases(dtype):
            found = shim(operator, *words, shape=wanted.shape, dtype=dtype)
            place = torch.finfo(dtype).eps * wanted.abs().clamp(min=1)
            # In float32 sums over a row round too.
            bound = 1.5 if dtype != torch.float32 else 16
            distance = ((found.double() - wanted).abs() / place).max().item()
            worst, count = max(worst, distance), count + 1
            if not distance <= bound:
                failed += 1
                print(f"{dtype} {name}: {distance:.2f} units in the last place")
        print(f"{dtype}: {count} cases, at most {worst:.2f} units in the last place")
        for name, distance in attention_distances(shim, dtype):
            failed += distance > 1
            print(f"{dtype} {name}: {distance:.3f} of what it may be off")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
