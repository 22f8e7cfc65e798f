"""What the device can do: the rate of one bfloat16 product of random numbers, and of copying memory.

    python rates.py --device cuda
"""

import platform
import shutil
import statistics

import shared
from time_diffusers import Clock

import torch


def median(body, clock, runs):
    """The median of seconds, after some runs that are not counted."""
    for _ in range(max(runs // 2, 1)):
        body()
    marks = [clock.mark()]
    for _ in range(runs):
        body()
        marks.append(clock.mark())
    clock.now()
    return statistics.median(clock.seconds(marks))


def card(device):
    """Names and versions."""
    result = {"torch": torch.__version__, "cuda": torch.version.cuda, "python": platform.python_version()}
    if torch.device(device).type != "cuda":
        return result | {"name": f"{device} ({torch.backends.cpu.get_cpu_capability()})"}
    properties = torch.cuda.get_device_properties(device)
    result |= {"name": properties.name, "memory": properties.total_memory}
    if shutil.which("nvidia-smi"):
        fields = "driver_version,power.limit,clocks.max.sm"
        try:
            _, text = shared.run(["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader"], 30)
            result |= dict(zip(["driver", "power_limit", "greatest_clock"], text.splitlines()[0].split(", ")))
        except (shared.Failure, IndexError):
            pass
    return result


def describe(figures):
    """One line."""
    return (f"{figures['name']}, driver {figures.get('driver')}, power limit {figures.get('power_limit')}, torch "
            f"{figures['torch']}, CUDA {figures['cuda']}: bfloat16 product {figures['product_size']}³ "
            f"{figures['product_rate'] / 1e12:.1f} TFLOP/s, copying {figures['copy_rate'] / 1e9:.0f} GB/s")  # fmt: skip


def main():
    parser = shared.parser(__doc__)
    arguments = parser.parse_args()
    device, clock = arguments.device, Clock(arguments.device)
    is_cuda = torch.device(device).type == "cuda"
    size, runs, count = (8192, 50, 1 << 30) if is_cuda else (1024, 3, 1 << 24)
    figures = card(device)
    with torch.inference_mode():
        a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
        product = torch.empty_like(a)
        figures["product_size"] = size
        figures["product_rate"] = 2 * size**3 / median(lambda: torch.mm(a, b, out=product), clock, runs)
        source = torch.empty(count, device=device, dtype=torch.bfloat16).normal_()
        target = torch.empty_like(source)
        figures["copy_rate"] = 2 * source.nbytes / median(lambda: target.copy_(source), clock, runs)
    figures["description"] = describe(figures)
    shared.write(arguments.json, figures)
    print(figures["description"])


if __name__ == "__main__":
    shared.start(main)
