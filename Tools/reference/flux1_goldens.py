"""Writes Tests/Goldens/flux1/<case>.safetensors: float64 runs of diffusers, stage by stage, from float32 noise.

Also flux1/bfloat16.json, and what flux1/floors.json says of this processor.
"""

import flux1_cases
from flux1_exact import Exact
from image_goldens import Goldens, asked_cases


def main():
    cases = asked_cases(__doc__, flux1_cases.CASES)
    Goldens(flux1_cases, Exact).write_all(cases, ["dev", "schnell", "dev-true-cfg"])


if __name__ == "__main__":
    main()
