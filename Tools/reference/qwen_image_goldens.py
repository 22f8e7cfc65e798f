"""Writes Tests/Goldens/qwen-image/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also qwen-image/bfloat16.json, and what qwen-image/floors.json says of this processor.
"""

import qwen_image_cases
from image_goldens import Goldens, asked_cases
from qwen_image_exact import Exact


def main():
    cases = asked_cases(__doc__, qwen_image_cases.CASES)
    Goldens(qwen_image_cases, Exact).write_all(cases, ["plain", "guided", "batch"])


if __name__ == "__main__":
    main()
